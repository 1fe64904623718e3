import type { IncomingMessage, ServerResponse } from "node:http";
import { PassThrough, type Readable } from "node:stream";
import { HttpError } from "@hivematrix/lib/http_error";
import { Agent, type Dispatcher } from "undici";
import { answerHeaders, joinByName } from "./answer_headers.ts";
import type { HtmlComposer } from "./compose_html.ts";
import type { Composed } from "./composition.ts";
import { canCompose } from "./composition_rules.ts";
import { lowerName } from "./forwarded_headers.ts";
import type { AddressPair } from "./public_address.ts";
import { missingHeaders } from "./response_headers.ts";
import { createConnector, mayRetry } from "./retry_rule.ts";
import { endWhenSilent } from "./upload_watch.ts";

/** Where requests are sent on to. */
export interface Upstream extends AddressPair {
  /** The first segment of its public path, which its errors carry. */
  readonly name: string;
  readonly origin: string;
  /** What comes before the path that it sees as its own; mostly empty. */
  readonly basePath: string;
  /** What people are told instead when their failure is more than one service's. */
  explain?(failure: HttpError): HttpError;
}

/** The request that is sent on. */
export interface ForwardedRequest {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  /**
   * Gets a 502 when the upstream refuses or breaks off before its head, a 504 when it is late:
   * nothing has been answered by then. Not called once an answer has begun.
   */
  fail(error: HttpError): void;
}

/** One request to one upstream. */
export interface Forwarding {
  readonly request: ForwardedRequest;
  /** Path and query as the upstream gets them. */
  readonly target: string;
  /** Names and values in turn. */
  readonly headers: string[];
  readonly upstream: Upstream;
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

/** A forwarding under way. */
export interface Exchange {
  /** The browser is gone: what the upstream still does is for nobody. */
  abort(): void;
}

export interface Forwarder {
  forward(forwarding: Forwarding): Exchange;
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

/** @param bodyIdleMs for a client's body of which nothing arrives */
export function createForwarder(
  timeoutsMs: UpstreamTimeouts = upstreamTimeoutsMs,
  bodyIdleMs = 60_000,
): Forwarder {
  const agent = new Agent({
    ...connectionSettings,
    connect: createConnector(timeoutsMs.connect),
    headersTimeout: timeoutsMs.head,
    bodyTimeout: timeoutsMs.idle,
  });
  return {
    forward(forwarding) {
      const exchange = new AnswerHandler(forwarding, agent, bodyIdleMs);
      exchange.send();
      return exchange;
    },
    close: () => agent.destroy(),
  };
}

/** A stream of the same bytes at the same pace, whose end is not the end of its source. */
function detach(incoming: IncomingMessage, idleMs: number): Readable {
  const body = incoming.pipe(new PassThrough());
  incoming.once("close", () => {
    if (!incoming.complete) body.destroy(new Error("the client is gone"));
  });
  // What nobody wants any more has to be read all the same: the next request comes behind it.
  body.once("close", () => incoming.resume());
  endWhenSilent(incoming, body, idleMs);
  return body;
}

/** RFC 9112 §6.3: a request has a body when one of these says so. */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/**
 * Whether a service may answer and leave the content on its connection, as handlers of GET do, and
 * servers that know no chunks: to it that content would be the next request (R18). So the connection
 * ends with the answer.
 */
function mayStayUnread(incoming: IncomingMessage): boolean {
  const { method, headers } = incoming;
  const isRead = method === "POST" || method === "PUT" || method === "PATCH";
  return hasBody(incoming) && (!isRead || headers["transfer-encoding"] !== undefined);
}

/**
 * Writes the upstream's answer to the browser as it comes, at the browser's pace.
 *
 * The head waits for the end of this turn of the event loop. Most answers are complete by then, and
 * head and content leave in one write: each write to a socket costs more than all else here.
 *
 * This is the older of undici 7's two interfaces for handlers. The newer one stands on top of it and
 * reads every answer's headers into an object first, which nobody here would look at.
 */
class AnswerHandler implements Dispatcher.DispatchHandler, Exchange {
  readonly #forwarding: Forwarding;
  readonly #agent: Agent;
  readonly #bodyIdleMs: number;
  #hasBegun = false;
  #isRetry = false;
  #abort: ((reason: Error) => void) | undefined;
  #resume: (() => void) | undefined;
  #composer: HtmlComposer | undefined;
  #status = 0;
  /** While it waits. */
  #head: string[] | undefined;
  /** What waits with the head. */
  #content: Buffer = noBytes;
  #isAborted = false;

  constructor(forwarding: Forwarding, agent: Agent, bodyIdleMs: number) {
    this.#forwarding = forwarding;
    this.#agent = agent;
    this.#bodyIdleMs = bodyIdleMs;
  }

  send(): void {
    const { request, upstream, target, headers } = this.#forwarding;
    const { incoming } = request;
    try {
      this.#agent.dispatch(
        {
          origin: upstream.origin,
          path: target,
          method: (incoming.method ?? "GET") as Dispatcher.HttpMethod,
          headers,
          // Not the stream itself: undici would end it, and the browser's connection with it,
          // when an upstream answers before it has read everything.
          body: hasBody(incoming) ? detach(incoming, this.#bodyIdleMs) : null,
          ...(mayStayUnread(incoming) && { reset: true }),
        },
        this,
      );
    } catch (error) {
      request.fail(toHttpError(upstream, error));
    }
  }

  abort(): void {
    this.#isAborted = true;
    this.#abort?.(clientIsGone);
  }

  onConnect(abort: (reason?: Error) => void): void {
    this.#abort = abort;
    if (this.#isAborted) abort(clientIsGone);
  }

  /** The first byte of an answer has come. */
  onResponseStarted(): void {
    this.#hasBegun = true;
  }

  onHeaders(status: number, rawHeaders: Buffer[], resume: () => void): boolean {
    // 1xx answers other than 101 come before the one that counts.
    if (status < 200) return true;
    this.#resume = resume;
    const { upstream, composition, defaultHeaders } = this.#forwarding;
    let headers = answerHeaders(rawHeaders, upstream);
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
    headers.push(...missingHeaders(present, defaultHeaders));
    this.#status = status;
    this.#head = headers;
    sendHeadLater(this);
    return true;
  }

  /** @returns whether the browser can take more; undici waits otherwise */
  onData(chunk: Buffer): boolean {
    const content = this.#composer === undefined ? chunk : join(this.#composer.push(chunk));
    if (content.length === 0) return true;
    if (this.#head !== undefined && this.#content.length === 0) {
      this.#content = content;
      return true;
    }
    return this.#write(content);
  }

  onComplete(): void {
    const { outgoing } = this.#forwarding.request;
    const rest = this.#composer === undefined ? noBytes : join(this.#composer.end());
    if (this.#head === undefined) {
      if (rest.length > 0) outgoing.write(rest);
      outgoing.end();
      return;
    }
    const content = rest.length === 0 ? this.#content : Buffer.concat([this.#content, rest]);
    this.#writeHead(content.length);
    // As text, node puts it behind the head's and writes both at once: a seventh less for a request.
    if (content.length <= oneWriteBytes) outgoing.end(content.toString("latin1"), "latin1");
    else outgoing.end(content);
  }

  onError(error: Error): void {
    // undici waits for as much content as a 304 tells, though none can follow (RFC 9110 §15.4.5).
    if (this.#status === 304 && !this.#isAborted) {
      this.onComplete();
      return;
    }
    const { request, upstream } = this.#forwarding;
    const { outgoing } = request;
    const mayTryAgain = !this.#hasBegun && !this.#isRetry && !this.#isAborted;
    if (mayTryAgain && mayRetry(request.incoming, hasBody(request.incoming), error)) {
      this.#isRetry = true;
      this.send();
      return;
    }
    // A head that still waits belongs to an answer that will never be whole.
    this.#head = undefined;
    // Too late for another answer: a cut connection is the only honest sign that this one is not whole.
    if (outgoing.headersSent || outgoing.destroyed) outgoing.destroy();
    else request.fail(toHttpError(upstream, error));
  }

  /** The answer is longer than this turn. */
  sendHead(): void {
    const { outgoing } = this.#forwarding.request;
    if (this.#head === undefined || outgoing.destroyed) return;
    const content = this.#content;
    this.#content = noBytes;
    this.#writeHead();
    // An event stream may have nothing to say for a while, but its reader waits for the head.
    if (content.length === 0) outgoing.flushHeaders();
    else outgoing.write(content);
  }

  #write(content: Buffer): boolean {
    if (this.#head !== undefined) this.sendHead();
    const { outgoing } = this.#forwarding.request;
    if (outgoing.write(content)) return true;
    outgoing.once("drain", () => this.#resume?.());
    return false;
  }

  /** @param contentLength of an answer that is complete */
  #writeHead(contentLength?: number): void {
    const head = this.#head ?? [];
    this.#head = undefined;
    const { outgoing, incoming } = this.#forwarding.request;
    // Known by now, so the content goes without chunks; HEAD, 204 and 304 have none to count.
    const mayCount = incoming.method !== "HEAD" && this.#status !== 204 && this.#status !== 304;
    if (contentLength !== undefined && mayCount && !hasContentLength(head)) {
      head.push("content-length", String(contentLength));
    }
    outgoing.writeHead(this.#status, head);
  }
}

const clientIsGone = new Error("the client is gone");
const noBytes: Buffer = Buffer.alloc(0);
/** Beyond this, libuv would have to get memory for the text. */
const oneWriteBytes = 15 * 1024;

/** Whose head waits; one call for all of them costs less than one each. */
let waiting: AnswerHandler[] = [];

function sendHeadLater(handler: AnswerHandler): void {
  if (waiting.push(handler) === 1) setImmediate(sendWaitingHeads);
}

function sendWaitingHeads(): void {
  const handlers = waiting;
  waiting = [];
  for (const handler of handlers) handler.sendHead();
}

/** Each write is a chunk with a frame of its own; copying small parts together is cheaper. */
function join(parts: readonly Buffer[]): Buffer {
  return parts.length === 1 ? (parts[0] ?? noBytes) : Buffer.concat(parts);
}

function hasContentLength(headers: readonly string[]): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    if (lowerName(headers[i] ?? "") === "content-length") return true;
  }
  return false;
}

function toHttpError(upstream: Upstream, error: unknown): HttpError {
  // The client's own fault (upload_watch.ts).
  if (error instanceof HttpError) return error;
  const failure = describeFailure(upstream.name, error);
  return upstream.explain?.(failure) ?? failure;
}

function describeFailure(name: string, cause: unknown): HttpError {
  const code = cause instanceof Error ? (cause as NodeJS.ErrnoException).code : undefined;
  if (code === "UND_ERR_HEADERS_TIMEOUT" || code === "UND_ERR_CONNECT_TIMEOUT") {
    return new HttpError(504, `"${name}" did not answer in time`, { cause });
  }
  const headers = { "retry-after": "2" };
  return new HttpError(502, `"${name}" cannot be reached at the moment`, { cause, headers });
}
