import type { IncomingMessage, ServerResponse } from "node:http";
import { readCookies } from "@hivematrix/lib/cookies";
import type { Log } from "@hivematrix/lib/log";
import { createRequestId, createTraceparent, isTraceparent } from "@hivematrix/lib/trace";
import type { OwnRequest } from "./own_request.ts";
import { sessionStatePath } from "./session_state.ts";

/** A request on its way through the gateway. */
export interface Passage extends OwnRequest {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly traceparent: string;
}

export function beginPassage(
  log: Log,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Passage {
  const { method = "GET", url = "/", headers } = incoming;
  const requestId = createRequestId();
  const given = headers["traceparent"];
  const traceparent = createTraceparent(
    typeof given === "string" && isTraceparent(given) ? given : undefined,
  );
  return {
    incoming,
    outgoing,
    method,
    // Until it has been judged, an address is only good for a log line.
    target: { path: url.split(/[?#]/, 1)[0] ?? "", query: "" },
    parameters: new URLSearchParams(),
    headers,
    cookies: readCookies(headers.cookie),
    requestId,
    traceparent,
    address: incoming.socket.remoteAddress,
    log: log.child({ request_id: requestId, traceparent }),
  };
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
