import type { Log } from "@hivematrix/lib/log";
import { readJsonFields } from "@hivematrix/lib/request_body";
import type { Handler } from "@hivematrix/lib/router";
import type { Core } from "./core.ts";
import type { Keycloak } from "./keycloak.ts";
import { endProviderSession } from "./keycloak_logout.ts";
import { describeSession } from "./session_id.ts";

/**
 * POST /api/token/revoke: ends the session behind a user token, and the provider's with it.
 * Repeated, it answers the same.
 *
 * @throws {HttpError} 400 without a token, 401 when it is no user token of ours, 503 when sessions
 *   cannot be written
 */
export function revokeToken(core: Pick<Core, "keycloak" | "sessions" | "tokens">): Handler {
  const { keycloak, sessions, tokens } = core;
  return async (request, { log }) => {
    const { token } = await readJsonFields(request, ["token"]);
    // An expired token is good enough here: whoever logs out late still means to log out.
    const { jti, sub } = await tokens.readUserToken(token, { acceptExpired: true });
    const provider = await sessions.revoke(jti);
    if (provider !== undefined) {
      log.info("signed out", { sub, session: describeSession(jti) });
      if (provider.refreshToken !== undefined) {
        await tryToEndProviderSession(keycloak, provider.refreshToken, log);
      }
    }
    return Response.json({ message: "Session revoked successfully" });
  };
}

/** The session here is over in any case, so the caller is not told about a provider that is away. */
async function tryToEndProviderSession(
  keycloak: Keycloak,
  refreshToken: string,
  log: Log,
): Promise<void> {
  try {
    await endProviderSession(keycloak, refreshToken);
  } catch (error) {
    log.warn("the identity provider's session could not be ended", { error });
  }
}
