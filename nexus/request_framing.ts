import type { IncomingMessage } from "node:http";
import { HttpError } from "@hivematrix/lib/http_error";

/**
 * Refuses what node reads although another server would end it elsewhere, or read it as something
 * else (request smuggling, R18). Everything after such a request is doubtful, so its connection ends.
 *
 * @throws {HttpError} 400, 501, 505
 */
export function requirePlainFraming(
  incoming: Pick<IncomingMessage, "httpVersion" | "headers">,
): void {
  const { httpVersion, headers } = incoming;
  const coding = headers["transfer-encoding"];
  if (coding !== undefined) {
    // `gzip, chunked` would reach a service as chunked alone, and `identity, chunked` is a trick.
    if (coding.toLowerCase() !== "chunked") {
      throw refusal(501, `the transfer coding "${coding}" is not known here`);
    }
    // RFC 9112 §6.1: to a reader of HTTP/1.0 the chunks are the next requests. (HTTP/2's content
    // without a length says chunked too, http2_request.ts.)
    if (httpVersion === "1.0") throw refusal(400, "HTTP/1.0 has no transfer codings");
  }
  // Over HTTP/2 a request is a stream; in a line of text "HTTP/2.0" means nothing.
  const isSpoken = httpVersion === "1.1" || httpVersion === "1.0" || "stream" in incoming;
  if (!isSpoken) {
    throw refusal(505, `HTTP/${httpVersion} is not spoken here`);
  }
}

function refusal(status: number, reason: string): HttpError {
  return new HttpError(status, `Cannot answer: ${reason}`, { headers: { connection: "close" } });
}
