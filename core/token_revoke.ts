import type { Log } from "@hivematrix/lib/log";
import { readJsonFields } from "@hivematrix/lib/request_body";
import type { Handler } from "@hivematrix/lib/router";
import type { Core } from "./core.ts";
import type { SessionEnd } from "./session_ending.ts";

type RevokeCore = Pick<Core, "endSessions" | "sessions" | "tokens">;

/**
 * POST /api/token/revoke: ends the session behind a user token, and the provider's with it. Once it
 * has answered, no gateway accepts the token. Repeated, it says so again. Beside the contract's
 * message it tells what a logout page has to know: `provider_session` (session_ending.ts has the
 * values), and `other_sessions`, how many of the same person live on, where that can be told.
 *
 * @throws {HttpError} 400 without a token, 401 when it is no user token of ours, 503 when sessions
 *   cannot be written or not every gateway could be told
 */
export function revokeToken({ endSessions, sessions, tokens }: RevokeCore): Handler {
  return async (request, { log }) => {
    const { token } = await readJsonFields(request, ["token"]);
    // An expired token is good enough here: whoever logs out late still means to log out.
    const { jti } = await tokens.readUserToken(token, { acceptExpired: true });
    const [ended] = await endSessions({ id: jti }, { reason: "revoked", log });
    return Response.json({
      message: "Session revoked successfully",
      // A session that is forgotten here has taken its refresh token along.
      provider_session: ended?.providerSession ?? "unknown",
      ...(ended && (await countOthers(sessions, ended, log))),
    });
  };
}

/** As many as are told apart; a page has no use for a larger number. */
const maxCounted = 1000;

/** The end is answered in any case: that something cannot be counted makes it no less true. */
async function countOthers(
  sessions: RevokeCore["sessions"],
  { sub }: SessionEnd,
  log: Log,
): Promise<{ other_sessions: number } | undefined> {
  try {
    return { other_sessions: (await sessions.list(sub, maxCounted)).length };
  } catch (error) {
    log.warn("a person's other sessions cannot be counted", { error });
    return undefined;
  }
}
