import type { IncomingMessage, ServerResponse } from "node:http";
import { PassThrough, type Readable } from "node:stream";
import { HttpError } from "@hivematrix/lib/http_error";
import { Agent, type Dispatcher } from "undici";
import type { HtmlComposer } from "./compose_html.ts";
import type { Composed } from "./composition.ts";
import { canCompose } from "./composition_rules.ts";
import { isGatewayCookie } from "./cookie_names.ts";
import { responseHeaders } from "./forwarded_headers.ts";
import { type AddressPair, publicCookie, publicLocation, publicRefresh } from "./public_address.ts";
import { missingHeaders } from "./response_headers.ts";

/** One request to one upstream. */
export interface Forwarding {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  /** The name that errors carry. */
  readonly service: string;
  /** Path and query as the upstream gets them. */
  readonly target: string;
  /** Names and values in turn. */
  readonly headers: string[];
  readonly addresses: AddressPair;
  /** Headers that every answer to a browser gets unless the service has set its own. */
  readonly defaultHeaders: Readonly<Record<string, string>>;
  /** What to do with a document; absent: pass it on like anything else. */
  readonly composition?: Composition | undefined;
}

export interface Composition {
  /** Whether this request is for a document; the answer to another may be kept, but not for one. */
  readonly isWanted: boolean;
  /** @param headers name and value in turn */
  compose(headers: readonly string[]): Composed;
}

export interface Forwarder {
  /** @throws {HttpError} 502 when the upstream refuses or breaks off before its head, 504 when it is late */
  forward(forwarding: Forwarding): Promise<void>;
  close(): Promise<void>;
}

/** How long an upstream may take to accept, to begin its answer, and between two of its bytes. */
export interface UpstreamTimeouts {
  readonly connect: number;
  readonly head: number;
  readonly idle: number;
}

export const upstreamTimeoutsMs: UpstreamTimeouts = {
  connect: 3000,
  head: 120_000,
  idle: 600_000,
};

/** For each upstream. */
export const connectionSettings = { connections: 256, pipelining: 1 };

export function createForwarder(timeoutsMs: UpstreamTimeouts = upstreamTimeoutsMs): Forwarder {
  const agent = new Agent({
    ...connectionSettings,
    connect: { timeout: timeoutsMs.connect },
    headersTimeout: timeoutsMs.head,
    bodyTimeout: timeoutsMs.idle,
  });
  return {
    forward: (forwarding) =>
      new Promise((resolve, reject) => {
        const { incoming, addresses, target, headers } = forwarding;
        const handler = new AnswerHandler(forwarding, resolve, reject);
        try {
          agent.dispatch(
            {
              origin: addresses.upstreamUrl.origin,
              path: target,
              method: (incoming.method ?? "GET") as Dispatcher.HttpMethod,
              headers,
              // Not the stream itself: undici would end it, and the browser's connection with it,
              // when an upstream answers before it has read everything.
              body: hasBody(incoming) ? detach(incoming) : null,
            },
            handler,
          );
        } catch (error) {
          reject(toHttpError(forwarding.service, error));
        }
      }),
    close: () => agent.destroy(),
  };
}

/** A stream of the same bytes at the same pace, whose end is not the end of its source. */
function detach(incoming: IncomingMessage): Readable {
  const body = incoming.pipe(new PassThrough());
  incoming.once("close", () => {
    if (!incoming.complete) body.destroy(new Error("the client is gone"));
  });
  // What nobody wants any more has to be read all the same: the next request comes behind it.
  body.once("close", () => incoming.resume());
  return body;
}

/** RFC 9112 §6.3: a request has a body when one of these says so. */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/** Writes the upstream's answer to the browser as it comes, at the browser's pace. */
class AnswerHandler implements Dispatcher.DispatchHandler {
  readonly #forwarding: Forwarding;
  readonly #resolve: () => void;
  readonly #reject: (error: unknown) => void;
  #composer: HtmlComposer | undefined;
  /** Whether the head is on its way together with content. */
  #hasContent = false;

  constructor(forwarding: Forwarding, resolve: () => void, reject: (error: unknown) => void) {
    this.#forwarding = forwarding;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    const { outgoing } = this.#forwarding;
    // The browser is gone: what the upstream still does is for nobody.
    const abort = () => {
      if (!outgoing.writableFinished) controller.abort(new Error("the client is gone"));
    };
    if (outgoing.destroyed) abort();
    outgoing.once("close", abort);
    outgoing.on("drain", () => controller.resume());
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    // 1xx answers other than 101 come before the one that counts.
    if (status < 200) return;
    const { outgoing, composition, defaultHeaders } = this.#forwarding;
    let headers = this.#answerHeaders(readRawHeaders(controller));
    const present = joinByName(headers);
    if (composition !== undefined && canCompose(status, present)) {
      if (composition.isWanted) {
        const composed = composition.compose(headers);
        headers = composed.headers;
        this.#composer = composed.composer;
      } else {
        // A copy for a script is not the page that a navigation gets.
        headers.push("vary", "Sec-Fetch-Dest");
      }
    }
    outgoing.writeHead(status, [...headers, ...missingHeaders(present, defaultHeaders)]);
    // An event stream may have nothing to say for a while, but its reader waits for the head.
    setImmediate(() => {
      if (!this.#hasContent && !outgoing.destroyed) outgoing.flushHeaders();
    });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#hasContent = true;
    const content = this.#composer === undefined ? chunk : join(this.#composer.push(chunk));
    if (content.length > 0 && !this.#forwarding.outgoing.write(content)) controller.pause();
  }

  onResponseEnd(): void {
    const { outgoing } = this.#forwarding;
    this.#hasContent = true;
    const rest = this.#composer === undefined ? noBytes : join(this.#composer.end());
    if (rest.length > 0) outgoing.write(rest);
    outgoing.end();
    this.#resolve();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const { outgoing, service } = this.#forwarding;
    if (!outgoing.headersSent && !outgoing.destroyed) {
      this.#reject(toHttpError(service, error));
      return;
    }
    // Too late for another answer: a cut connection is the only honest sign that this one is not whole.
    outgoing.destroy();
    this.#resolve();
  }

  /** What the browser may have of the upstream's headers, addresses made public. */
  #answerHeaders(raw: readonly string[]): string[] {
    const { addresses } = this.#forwarding;
    return pairs(responseHeaders(raw)).flatMap(([name, value]) => {
      switch (name.toLowerCase()) {
        case "location":
        case "content-location":
          return [name, publicLocation(value, addresses)];
        case "refresh":
          return [name, publicRefresh(value, addresses)];
        case "set-cookie":
          // A service that could set our cookie could put somebody else's session into this browser.
          return setsGatewayCookie(value) ? [] : [name, publicCookie(value, addresses)];
        default:
          return [name, value];
      }
    });
  }
}

const noBytes = Buffer.alloc(0);

/** Each write is a chunk with a frame of its own; copying small parts together is cheaper. */
function join(parts: readonly Buffer[]): Buffer {
  return parts.length === 1 ? (parts[0] ?? noBytes) : Buffer.concat(parts);
}

function setsGatewayCookie(setCookie: string): boolean {
  return isGatewayCookie(setCookie.split("=", 1)[0]?.trim() ?? "");
}

/** The answer's headers as they came, one character a byte. */
function readRawHeaders(controller: Dispatcher.DispatchController): string[] {
  const raw = controller.rawHeaders ?? [];
  return Array.isArray(raw)
    ? raw.map((part) => (typeof part === "string" ? part : part.toString("latin1")))
    : [];
}

function pairs(flat: readonly string[]): [string, string][] {
  const found: [string, string][] = [];
  for (let i = 0; i < flat.length; i += 2) found.push([flat[i] ?? "", flat[i + 1] ?? ""]);
  return found;
}

function joinByName(headers: readonly string[]): ReadonlyMap<string, string> {
  const joined = new Map<string, string>();
  for (const [name, value] of pairs(headers)) {
    const lower = name.toLowerCase();
    const before = joined.get(lower);
    joined.set(lower, before === undefined ? value : `${before}, ${value}`);
  }
  return joined;
}

function toHttpError(service: string, error: unknown): HttpError {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  const isLate = code === "UND_ERR_HEADERS_TIMEOUT" || code === "UND_ERR_CONNECT_TIMEOUT";
  if (isLate) {
    return new HttpError(504, `"${service}" did not answer in time`, { cause: error });
  }
  return new HttpError(502, `"${service}" cannot be reached at the moment`, {
    cause: error,
    headers: { "retry-after": "2" },
  });
}
