// HTTP/2 requests and answers in the shape of HTTP/1.1's, so that nothing behind this file has to
// know which of the two a browser speaks. node's own compatibility classes leave some of it out.
import {
  constants,
  Http2ServerRequest,
  Http2ServerResponse,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import type { ReadableOptions } from "node:stream";

/** A request as node:http shows it: a Host header, no pseudo-headers, framing that says "content". */
export class Http2Request extends Http2ServerRequest {
  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    options: ReadableOptions,
    rawHeaders: readonly string[],
  ) {
    super(stream, headers, options, readRawHeaders(rawHeaders, headers));
    // Of HTTP/1.1 this is the sign of content without a length; HTTP/2 has frames for that.
    if (stream.endAfterHeaders) return;
    if (headers["content-length"] === undefined) headers["transfer-encoding"] = "chunked";
    // node takes RST_STREAM with NO_ERROR for the end of an upload: half of it would pass as all.
    this.once("aborted", () => {
      if (!stream.readableEnded) this.destroy();
    });
    // What is left of the content is of no use after the answer, and unread it would keep the
    // stream open for ever (RFC 9113 §8.1).
    stream.once("finish", () => {
      if (!stream.readableEnded) setImmediate(() => stream.close(constants.NGHTTP2_NO_ERROR));
    });
  }

  /** Whether all of the request has come, which node:http means by this; node:http2 also an abort. */
  // @ts-expect-error: node has an accessor here too, which @types/node calls a property (TS2611).
  override get complete(): boolean {
    const { stream } = this;
    return stream.endAfterHeaders || (stream.readableEnded && !this.aborted);
  }
}

/**
 * The fields without the pseudo-headers (RFC 9113 §8.3), which come first, and with the Host that
 * `:authority` stands for. Where a client sends both and they differ, both are there to be refused.
 */
function readRawHeaders(raw: readonly string[], headers: IncomingHttpHeaders): string[] {
  let first = 0;
  while (raw[first]?.startsWith(":")) first += 2;
  const fields = raw.slice(first);
  const authority = headers[":authority"];
  if (authority === undefined || headers.host === authority) return fields;
  fields.push("host", authority);
  headers.host ??= authority;
  return fields;
}

/** An answer that takes what an HTTP/1.1 answer takes, and is cut so that the client notices. */
export class Http2Response extends Http2ServerResponse {
  // @ts-expect-error: @types/node says that there is one already, but there is not.
  override get destroyed(): boolean {
    return this.stream.destroyed;
  }

  /** node ends the stream that a client resets, which is no sign that it has got everything. */
  // @ts-expect-error: as above.
  override get writableFinished(): boolean {
    return this.stream.writableFinished && !this.stream.aborted;
  }

  override writeHead(status: number, ...rest: unknown[]): this {
    const headers = rest.find((argument) => typeof argument === "object" && argument !== null);
    return super.writeHead(status, fieldsOf(headers as RawHeaders | undefined));
  }

  /** Without a code of its own, a reset would read as "there is no more", and a part as the whole. */
  override destroy(): this {
    if (!this.stream.closed) this.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    super.destroy();
    return this;
  }
}

/** Names and values in turn, or by name. */
type RawHeaders = readonly string[] | Readonly<Record<string, string | string[]>>;

/** Of one connection, which in HTTP/2 is no matter of header fields: they are forbidden (§8.2.2). */
const forbidden: ReadonlySet<string> = new Set([
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
]);

function fieldsOf(headers: RawHeaders = []): Record<string, string | string[]> {
  const fields: Record<string, string | string[]> = {};
  if (Array.isArray(headers)) {
    for (let i = 0; i < headers.length; i += 2) addField(fields, headers[i], headers[i + 1]);
  } else {
    for (const [name, value] of Object.entries(headers)) addField(fields, name, value);
  }
  return fields;
}

function addField(
  fields: Record<string, string | string[]>,
  name: string,
  value: string | string[],
): void {
  const lower = name.toLowerCase();
  if (forbidden.has(lower)) return;
  const before = fields[lower];
  if (before === undefined) fields[lower] = value;
  else if (lower === "set-cookie") fields[lower] = [before, value].flat();
  // Several lines mean the same as one with commas, except for cookies (RFC 9110 §5.3); node
  // refuses several of what should be there once.
  else fields[lower] = `${before}, ${value}`;
}
