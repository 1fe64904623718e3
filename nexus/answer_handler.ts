import { HttpError } from "@hivematrix/lib/http_error";
import type { Agent, Dispatcher } from "undici";
import { answerHeaders, joinByName } from "./answer_headers.ts";
import type { HtmlComposer } from "./compose_html.ts";
import { canCompose } from "./composition_rules.ts";
import type { Exchange, Forwarding, Upstream } from "./forward.ts";
import { lowerName } from "./forwarded_headers.ts";
import { detach, hasBody, mayStayUnread } from "./request_content.ts";
import { missingHeaders } from "./response_headers.ts";
import { mayRetry } from "./retry_rule.ts";

/**
 * Writes the upstream's answer to the browser as it comes, at the browser's pace.
 *
 * The head waits for the end of this turn of the event loop. Most answers are complete by then, and
 * head and content leave in one write: each write to a socket costs more than all else here.
 *
 * This is the older of undici 7's two interfaces for handlers. The newer one stands on top of it and
 * reads every answer's headers into an object first, which nobody here would look at.
 */
export class AnswerHandler implements Dispatcher.DispatchHandler, Exchange {
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
  #content: readonly Buffer[] = nothing;
  #isAborted = false;

  constructor(forwarding: Forwarding, agent: Agent, bodyIdleMs: number) {
    this.#forwarding = forwarding;
    this.#agent = agent;
    this.#bodyIdleMs = bodyIdleMs;
  }

  send(): void {
    const { request, upstream, target, headers, content } = this.#forwarding;
    const { incoming } = request;
    const options: Dispatcher.DispatchOptions = {
      origin: upstream.origin,
      path: target,
      method: (incoming.method ?? "GET") as Dispatcher.HttpMethod,
      headers,
      body: null,
    };
    if (hasBody(incoming)) {
      // Not the stream itself: undici would end it, and the browser's connection with it, when an
      // upstream answers before it has read everything.
      options.body = content ?? detach(incoming, this.#bodyIdleMs);
      if (mayStayUnread(incoming)) options.reset = true;
    }
    try {
      this.#agent.dispatch(options, this);
    } catch (error) {
      request.fail(toHttpError(upstream, error));
    }
  }

  abort(): void {
    this.#isAborted = true;
    this.#head = undefined;
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
    const { request, upstream, composition, defaultHeaders } = this.#forwarding;
    request.answeredAt = performance.now();
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
    const content = this.#composer === undefined ? [chunk] : this.#composer.push(chunk);
    if (this.#head !== undefined && this.#content.length === 0) {
      this.#content = content;
      return true;
    }
    return this.#write(content);
  }

  onComplete(): void {
    const { outgoing } = this.#forwarding.request;
    const rest = this.#composer === undefined ? nothing : this.#composer.end();
    if (this.#head === undefined) {
      if (rest.length > 0) outgoing.write(join(rest));
      outgoing.end();
      return;
    }
    const content = rest.length === 0 ? this.#content : [...this.#content, ...rest];
    let length = 0;
    for (const part of content) length += part.length;
    this.#writeHead(length);
    // As text, node puts it behind the head's and writes both at once: a seventh less for a request.
    if (length <= oneWriteBytes) outgoing.end(toText(content), "latin1");
    else outgoing.end(join(content));
  }

  onError(error: Error): void {
    // Nobody waits for it any more, or has been answered otherwise.
    if (this.#isAborted) return;
    // undici waits for as much content as a 304 tells, though none can follow (RFC 9110 §15.4.5).
    if (this.#status === 304) {
      this.onComplete();
      return;
    }
    const { request, upstream } = this.#forwarding;
    const { outgoing } = request;
    const mayTryAgain = !this.#hasBegun && !this.#isRetry;
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
    this.#content = nothing;
    this.#writeHead();
    // An event stream may have nothing to say for a while, but its reader waits for the head.
    if (content.length === 0) outgoing.flushHeaders();
    else outgoing.write(join(content));
  }

  /** Ends it at the service too, whose failure it then is. */
  breakOff(error: Error): void {
    this.#abort?.(error);
  }

  #write(content: readonly Buffer[]): boolean {
    if (this.#head !== undefined) this.sendHead();
    const { outgoing } = this.#forwarding.request;
    if (content.length === 0 || outgoing.write(join(content))) return true;
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
const nothing: readonly Buffer[] = [];
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
  for (const handler of handlers) {
    try {
      handler.sendHead();
    } catch (error) {
      // Nobody else's answer may suffer for a head that cannot be written.
      handler.breakOff(error as Error);
    }
  }
}

/** Each write is a chunk with a frame of its own; copying small parts together is cheaper. */
function join(parts: readonly Buffer[]): Buffer {
  const [first] = parts;
  return first !== undefined && parts.length === 1 ? first : Buffer.concat(parts);
}

/** One character a byte. */
function toText(parts: readonly Buffer[]): string {
  let text = "";
  for (const part of parts) text += part.toString("latin1");
  return text;
}

function hasContentLength(headers: readonly string[]): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? "";
    if (name.length === "content-length".length && lowerName(name) === "content-length")
      return true;
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
