import type { IncomingMessage } from "node:http";
import { HttpError } from "@hivematrix/lib/http_error";
import type { NexusLimits } from "./limits.ts";

/**
 * What node itself does not refuse of a request's head. Its own bound on the number of headers drops
 * those beyond it: then less would be judged than was sent.
 *
 * @throws {HttpError} 414, 431
 */
export function requireSmallHead(
  { url = "", rawHeaders }: Pick<IncomingMessage, "url" | "rawHeaders">,
  { address_bytes, header_count }: NexusLimits,
): void {
  if (url.length > address_bytes) {
    throw new HttpError(414, `This address is longer than ${address_bytes} characters`);
  }
  if (rawHeaders.length > 2 * header_count) {
    throw new HttpError(431, `This request has more than ${header_count} headers`);
  }
}
