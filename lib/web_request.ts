// Node's incoming message as a web-standard Request, without the surprises of URL parsing.
import type { IncomingMessage } from "node:http";

/** @throws {TypeError} saying why no Request can be made: the target, the host or the method */
export function toRequest(incoming: IncomingMessage, signal: AbortSignal): Request {
  const { method = "GET", rawHeaders } = incoming;
  const headers = new Headers();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    headers.append(rawHeaders[i] ?? "", rawHeaders[i + 1] ?? "");
  }
  const url = readUrl(incoming.url ?? "/", headers.get("host") ?? "localhost");
  if (!hasBody(incoming)) return new Request(url, { method, headers, signal });
  return new Request(url, { method, headers, signal, body: bodyOf(incoming), duplex: "half" });
}

function readUrl(target: string, host: string): URL {
  // `new URL(target, base)` would let `//host/` name another host; a plain join does not.
  if (!target.startsWith("/")) throw new TypeError("The request target must begin with a slash");
  // A second Host is joined to the first by a comma; `/`, `?` or `@` would move the path or host.
  if (!/^[\w.:~%[\]-]+$/.test(host)) throw new TypeError(`"${host}" is no host`);
  return new URL(`http://${host}${target}`);
}

function hasBody({ method, headers }: IncomingMessage): boolean {
  // A body of GET or HEAD means nothing (RFC 9110 §9.3.1), and a Request cannot have one.
  if (method === "GET" || method === "HEAD") return false;
  const length = headers["content-length"];
  return headers["transfer-encoding"] !== undefined || (length !== undefined && length !== "0");
}

/** Reads only when asked; whoever stops half-way leaves the connection usable for the answer. */
function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  return ReadableStream.from(incoming.iterator({ destroyOnReturn: false }));
}
