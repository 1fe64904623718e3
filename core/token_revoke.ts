import { readJsonFields } from "@hivematrix/lib/request_body";
import type { Handler } from "@hivematrix/lib/router";
import type { Core } from "./core.ts";

/**
 * POST /api/token/revoke: ends the session behind a user token, and the provider's with it. Once it
 * has answered, no gateway accepts the token. Repeated, it answers the same.
 *
 * @throws {HttpError} 400 without a token, 401 when it is no user token of ours, 503 when sessions
 *   cannot be written or not every gateway could be told
 */
export function revokeToken({
  endSessions,
  tokens,
}: Pick<Core, "endSessions" | "tokens">): Handler {
  return async (request, { log }) => {
    const { token } = await readJsonFields(request, ["token"]);
    // An expired token is good enough here: whoever logs out late still means to log out.
    const { jti } = await tokens.readUserToken(token, { acceptExpired: true });
    await endSessions({ id: jti }, { reason: "revoked", log });
    return Response.json({ message: "Session revoked successfully" });
  };
}
