import type { IncomingMessage, ServerResponse } from "node:http";
import { readCookies } from "@hivematrix/lib/cookies";
import type { Log } from "@hivematrix/lib/log";
import { createRequestId, createTraceparent, isTraceparent } from "@hivematrix/lib/trace";
import type { CanonicalTarget } from "./canonical_target.ts";
import type { OwnRequest } from "./own_request.ts";
import { sessionStatePath } from "./session_state.ts";

/**
 * A request on its way through the gateway. What only some requests need (cookies by name, query
 * parameters, a log of its own) is made when it is first asked for.
 */
export class Passage implements OwnRequest {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly method: string;
  readonly headers: IncomingMessage["headers"];
  readonly requestId = createRequestId();
  readonly traceparent: string;
  /** Until it has been judged, an address is only good for a log line. */
  target: CanonicalTarget;
  readonly #log: Log;
  #ownLog: Log | undefined;
  #cookies: ReadonlyMap<string, string> | undefined;

  constructor(log: Log, incoming: IncomingMessage, outgoing: ServerResponse) {
    const { method = "GET", url = "/", headers } = incoming;
    this.#log = log;
    this.incoming = incoming;
    this.outgoing = outgoing;
    this.method = method;
    this.headers = headers;
    this.target = { path: url.split(/[?#]/, 1)[0] ?? "", query: "" };
    const given = headers["traceparent"];
    this.traceparent = createTraceparent(
      typeof given === "string" && isTraceparent(given) ? given : undefined,
    );
  }

  get parameters(): URLSearchParams {
    return new URLSearchParams(this.target.query);
  }

  get cookies(): ReadonlyMap<string, string> {
    this.#cookies ??= readCookies(this.headers.cookie);
    return this.#cookies;
  }

  get address(): string | undefined {
    return this.incoming.socket.remoteAddress;
  }

  get log(): Log {
    this.#ownLog ??= this.#log.child({
      request_id: this.requestId,
      traceparent: this.traceparent,
    });
    return this.#ownLog;
  }
}

/** Asked again and again by programs: nobody wants to read that at the usual level. */
const quietPaths: ReadonlySet<string> = new Set(["/health", sessionStatePath]);

/** One line a request; without the query, which may hold what people typed or a code. */
export function logAnswer({ log, method, target, outgoing }: Passage, startedAt: number): void {
  log[quietPaths.has(target.path) ? "debug" : "info"]("request", {
    method,
    path: target.path,
    status: outgoing.statusCode,
    duration_ms: Math.round(performance.now() - startedAt),
    ...(outgoing.writableFinished ? {} : { aborted: true }),
  });
}
