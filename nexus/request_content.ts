// A request's content on its way to an upstream.
import type { IncomingMessage } from "node:http";
import { PassThrough, type Readable } from "node:stream";
import { HttpError } from "@hivematrix/lib/http_error";
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

/**
 * All of the content, before anything of it is sent on: whoever sends it slowly holds a connection of
 * ours then, and none to where everybody has to get through.
 *
 * @throws {HttpError} 408, 413, 400 when it broke off
 */
export async function readContent(
  incoming: IncomingMessage,
  { maxBytes, idleMs }: { maxBytes: number; idleMs: number },
): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of detach(incoming, idleMs)) {
      size += part.length;
      if (size > maxBytes) {
        const headers = { connection: "close" };
        throw new HttpError(413, `This is larger than ${maxBytes} bytes`, { headers });
      }
      parts.push(part);
    }
  } catch (cause) {
    throw cause instanceof HttpError
      ? cause
      : new HttpError(400, "The request broke off", { cause });
  }
  return Buffer.concat(parts);
}
