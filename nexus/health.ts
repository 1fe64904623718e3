import type { OwnHandler } from "./own_request.ts";

/** Whether every process of this gateway has come to listen. @throws {HttpError} 503 when that is unknown */
export type IsReady = () => boolean | Promise<boolean>;

/**
 * GET /health for the supervisor. Whichever process answers, answers for all: until the last one has
 * started, the gateway has not. One that ends later is replaced, which is no failure of the others.
 */
export function showHealth(isReady: IsReady): OwnHandler {
  return async () => {
    if (await isReady()) return Response.json({ status: "ok", service: "nexus" });
    const body = { status: "failing", service: "nexus", checks: { processes: "failing" } };
    return Response.json(body, { status: 503, headers: { "cache-control": "no-store" } });
  };
}
