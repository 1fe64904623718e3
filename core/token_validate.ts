import { HttpError } from "@hivematrix/lib/http_error";
import { readJsonFields } from "@hivematrix/lib/request_body";
import type { Handler } from "@hivematrix/lib/router";
import { invalidToken } from "@hivematrix/lib/token_verifier";
import type { Core } from "./core.ts";
import { hashSessionId } from "./session_id.ts";
import type { SessionCheck } from "./session_store.ts";
import { formatTime } from "./times.ts";

const faults: Readonly<Record<Exclude<SessionCheck["state"], "live">, string>> = {
  unknown: "there is no such session",
  expired: "its session has expired",
  idle: "its session has expired, it was not used for too long",
  revoked: "its session has been revoked",
};

/**
 * POST /api/token/validate: whether a user token is good now. The contract's five checks in its
 * order: signature, `exp`, session known, session not expired, session not revoked. A refusal has
 * the contract's own form, whatever the reason. With `"is_use": false` beside the token the question
 * does not keep an idle session alive: an open page asks it, not a person.
 *
 * @throws {HttpError} 503 when sessions cannot be read: that is no answer about the token
 */
export function validateToken(core: Pick<Core, "sessions" | "tokens" | "idleSeconds">): Handler {
  const { sessions, tokens, idleSeconds } = core;
  return async (request) => {
    try {
      const { token, is_use } = await readJsonFields(request, ["token"]);
      const { jti } = await tokens.readUserToken(token);
      const checked = await sessions.check(jti, { isUse: is_use !== false });
      if (checked.state !== "live") throw invalidToken(faults[checked.state]);
      const { user, expiresAtSeconds } = checked.session;
      // Beside the contract's members: what a gateway has to know to trust the session for a while.
      const session = {
        id: hashSessionId(jti).toString("hex"),
        expires_at: formatTime(expiresAtSeconds),
        ...(idleSeconds === undefined ? {} : { idle_seconds: idleSeconds }),
      };
      return Response.json({ valid: true, user, session }, { headers: noStore });
    } catch (error) {
      if (!(error instanceof HttpError) || error.status >= 500) throw error;
      const headers = { ...error.headers, ...noStore };
      return Response.json(
        { valid: false, error: error.message },
        { status: error.status, headers },
      );
    }
  };
}

const noStore = { "cache-control": "no-store" };
