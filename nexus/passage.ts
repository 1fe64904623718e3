import type { IncomingMessage, ServerResponse } from "node:http";
import { readCookies } from "@hivematrix/lib/cookies";
import { HttpError } from "@hivematrix/lib/http_error";
import type { Log } from "@hivematrix/lib/log";
import { createRequestId, createTraceparent, isTraceparent } from "@hivematrix/lib/trace";
import type { CanonicalTarget } from "./canonical_target.ts";
import type { ReadClientAddress } from "./client_address.ts";
import type { Exchange, ForwardedRequest } from "./forward.ts";
import type { OwnRequest } from "./own_request.ts";
import type { RequestCounters, ServiceCounters } from "./request_counters.ts";
import type { Session } from "./session_check.ts";
import { sessionStatePath } from "./session_state.ts";

/** The session ended while its request was under way. */
export class SessionEndedError extends HttpError {
  constructor() {
    super(401, "Your session has ended");
  }
}

/** Answers a request with an error. */
export type Refuse = (passage: Passage, error: unknown) => void;

export interface PassageParts {
  readonly log: Log;
  readonly readClientAddress: ReadClientAddress;
}

/**
 * A request on its way through the gateway. What only some requests need (cookies by name, query
 * parameters, a log of its own) is made when it is first asked for.
 */
export class Passage implements OwnRequest, ForwardedRequest {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly method: string;
  readonly headers: IncomingMessage["headers"];
  readonly requestId = createRequestId();
  readonly traceparent: string;
  readonly startedAt = performance.now();
  /** When the upstream's answer began. */
  answeredAt: number | undefined;
  /** Of the upstream that it was sent on to. */
  counters: ServiceCounters | undefined;
  /** The Cookie header without what is a gateway's own. */
  foreignCookies = "";
  /** Whose end cuts the answer. */
  session: Session | undefined;
  /** What is under way at an upstream. */
  exchange: Exchange | undefined;
  readonly #parts: PassageParts;
  readonly #refuse: Refuse;
  #target: CanonicalTarget | undefined;
  #ownLog: Log | undefined;
  #cookies: ReadonlyMap<string, string> | undefined;

  constructor(
    parts: PassageParts,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    refuse: Refuse,
  ) {
    const { method = "GET", headers } = incoming;
    this.#parts = parts;
    this.#refuse = refuse;
    this.incoming = incoming;
    this.outgoing = outgoing;
    this.method = method;
    this.headers = headers;
    const given = headers["traceparent"];
    this.traceparent = createTraceparent(
      typeof given === "string" && isTraceparent(given) ? given : undefined,
    );
  }

  /** Until it has been judged, an address is only good for a log line. */
  get target(): CanonicalTarget {
    this.#target ??= { path: this.incoming.url?.split(/[?#]/, 1)[0] ?? "", query: "" };
    return this.#target;
  }

  set target(judged: CanonicalTarget) {
    this.#target = judged;
  }

  get parameters(): URLSearchParams {
    return new URLSearchParams(this.target.query);
  }

  get cookies(): ReadonlyMap<string, string> {
    this.#cookies ??= readCookies(this.headers.cookie);
    return this.#cookies;
  }

  get address(): string | undefined {
    return this.#parts.readClientAddress(this.incoming);
  }

  get log(): Log {
    this.#ownLog ??= this.#parts.log.child({
      request_id: this.requestId,
      traceparent: this.traceparent,
    });
    return this.#ownLog;
  }

  fail(error: HttpError): void {
    this.#refuse(this, error);
  }

  /**
   * The session has ended: what has not been answered is refused, as it would be now, and an answer
   * that has begun breaks off. One that is whole by then belongs to the time before.
   */
  destroy(): void {
    const { outgoing } = this;
    if (outgoing.writableEnded) return;
    if (outgoing.headersSent || outgoing.destroyed) outgoing.destroy();
    else this.#refuse(this, new SessionEndedError());
    this.exchange?.abort();
  }
}

/** Asked again and again by programs: nobody wants to read that at the usual level. */
const quietPaths: ReadonlySet<string> = new Set(["/health", sessionStatePath]);

/** One line a request; without the query, which may hold what people typed or a code. */
export function logAnswer(log: Log, passage: Passage): void {
  const { target, outgoing } = passage;
  // Not by the request's own log: to make one for this line alone costs as much as the line.
  const fields = {
    request_id: passage.requestId,
    traceparent: passage.traceparent,
    method: passage.method,
    path: target.path,
    status: outgoing.statusCode,
    duration_ms: Math.round(performance.now() - passage.startedAt),
    aborted: outgoing.writableFinished ? undefined : true,
  };
  if (quietPaths.has(target.path)) log.debug("request", fields);
  else log.info("request", fields);
}

/** The answer is complete or its browser gone. What programs ask again and again is not counted. */
export function countAnswer(counters: RequestCounters, passage: Passage): void {
  const { outgoing, startedAt } = passage;
  if (passage.counters === undefined && quietPaths.has(passage.target.path)) return;
  const isAnswered = outgoing.headersSent || passage.answeredAt !== undefined;
  const endedAt = passage.answeredAt ?? performance.now();
  const latencyMs = isAnswered ? endedAt - startedAt : undefined;
  (passage.counters ?? counters.own).count(outgoing.statusCode, latencyMs);
}
