import { HttpError } from "@hivematrix/lib/http_error";
import { readForm } from "@hivematrix/lib/request_body";
import type { Handler } from "@hivematrix/lib/router";
import type { Core } from "./core.ts";
import { createLogoutTokenReader, LogoutTokenError } from "./logout_token.ts";

/**
 * POST /api/backchannel-logout: the provider says that a session there is over (OpenID Connect
 * Back-Channel Logout 1.0 §2.5), so ours that came of it end too. Each token counts once.
 *
 * @throws {HttpError} 503 when the provider's keys or the sessions cannot be had
 */
export function endSessionsByProvider(
  core: Pick<Core, "keycloak" | "sessions" | "endSessions"> & { now?: () => number },
): Handler {
  const { sessions, endSessions, now = Date.now } = core;
  const readLogoutToken = createLogoutTokenReader(core.keycloak, now);
  return async (request, { log }) => {
    try {
      const { jti, sub, sid, freshUntilSeconds } = await readLogoutToken(await readToken(request));
      if (await sessions.isUsed(jti)) throw new LogoutTokenError("it was used before");
      const which = sid === undefined ? { sub } : { sid };
      const reason = "ended at the identity provider";
      await endSessions(which, { reason, log, keepProviderSession: true });
      // Not before: a logout that failed half-way must be possible again with the same token.
      await sessions.markUsed(jti, freshUntilSeconds);
      return new Response(null, { status: 200, headers: noStore });
    } catch (error) {
      if (!(error instanceof LogoutTokenError)) throw error;
      log.warn("a logout token was refused", { reason: error.message });
      // §2.8 asks for this form.
      const body = { error: "invalid_request", error_description: error.message };
      return Response.json(body, { status: 400, headers: noStore });
    }
  };
}

const noStore = { "cache-control": "no-store" };

async function readToken(request: Request): Promise<string> {
  try {
    const form = await readForm(request);
    const [token, ...others] = form.getAll("logout_token");
    if (token && others.length === 0) return token;
  } catch (error) {
    if (!(error instanceof HttpError) || error.status >= 500) throw error;
    throw new LogoutTokenError(error.message);
  }
  throw new LogoutTokenError("the form must have one logout_token");
}
