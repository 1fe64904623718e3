import type { Handler } from "@hivematrix/lib/router";
import type { Core } from "./core.ts";
import { unauthenticated } from "./service_credentials.ts";
import { requireHelm } from "./session_caller.ts";
import { formatTime } from "./times.ts";

/**
 * POST /api/keys/rotate, for Helm: the next key signs from now on, its predecessor is published
 * until the last token it signed is over, and a new next key is published at once.
 *
 * @throws {HttpError} 401 and 403 for others, 409 with Retry-After while the next key is too new
 */
export function rotateKeys({ credentials, keys }: Pick<Core, "credentials" | "keys">): Handler {
  return async (request) => {
    const service = credentials.authenticate(request.headers.get("authorization"));
    if (service === undefined) throw unauthenticated("Helm must prove itself with HTTP Basic");
    requireHelm(service);
    const { current, next, previous } = await keys.rotate();
    return Response.json({
      current: current.kid,
      next: next.map(({ kid }) => kid),
      previous: previous.map(({ kid, publishedUntilSeconds }) => ({
        kid,
        published_until: formatTime(publishedUntilSeconds),
      })),
    });
  };
}
