// A request's content on its way to an upstream.
import type { IncomingMessage } from "node:http";
import { PassThrough, type Readable } from "node:stream";
import { endWhenSilent } from "./upload_watch.ts";

/** A stream of the same bytes at the same pace, whose end is not the end of its source. */
export function detach(incoming: IncomingMessage, idleMs: number): Readable {
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
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/**
 * Whether a service may answer and leave the content on its connection, as handlers of GET do, and
 * servers that know no chunks: to it that content would be the next request (R18). So the connection
 * ends with the answer.
 */
export function mayStayUnread(incoming: IncomingMessage): boolean {
  const { method, headers } = incoming;
  const isRead = method === "POST" || method === "PUT" || method === "PATCH";
  return hasBody(incoming) && (!isRead || headers["transfer-encoding"] !== undefined);
}
