import { HttpError } from "@hivematrix/lib/http_error";
import type { Log } from "@hivematrix/lib/log";
import { readJsonFields } from "@hivematrix/lib/request_body";
import type { Handler } from "@hivematrix/lib/router";
import { invalidToken } from "@hivematrix/lib/token_verifier";
import { decodeJwt } from "jose";
import type { Core } from "./core.ts";
import { readUserinfo, type Userinfo } from "./keycloak_userinfo.ts";
import { areSameGroups, readGroupName, readPermissionLevel } from "./permission_level.ts";
import { describeSession } from "./session_id.ts";
import type { Device, ProviderSession, User } from "./session_store.ts";

/**
 * POST /api/token/exchange: turns the identity provider's access token into a session and its
 * token. `refresh_token` and `sid`, if sent, are kept with the session for its end; an `id_token`
 * has to be the same person's and is not kept (session_store.ts); `user_agent` and `address` are kept for its owner to recognise it; the session of a
 * `previous_token` ends (ASVS 7.2.4: the old session is dead when the new one begins).
 *
 * @throws {HttpError} 400 malformed, 401 refused by the provider, 503 when it or the store is away
 */
export function exchangeToken(core: Core): Handler {
  const { keycloak, sessions, sessionLifetimeSeconds, tokens } = core;
  const endPrevious = createPreviousEnding(core);
  const confirmUser = createUserConfirmation(core);
  return async (request, { log }) => {
    const body = await readJsonFields(request, ["access_token"]);
    const provider = readProviderSession(body);
    const device = readDevice(body);
    const previousToken = readOptional(body, "previous_token");
    const subject = readSubject(readOptional(body, "id_token"));
    const userinfo = await readUserinfo(keycloak, body.access_token);
    // Two tokens of two people: one of them was slipped in (OpenID Connect Core §5.3.2).
    if (subject !== undefined && subject !== userinfo.sub) {
      throw invalidToken("id_token and access_token are two people's");
    }
    // Before the new one begins: if it cannot be ended, there must not be two.
    if (previousToken !== undefined) await endPrevious(previousToken, log);
    const user = toUser(userinfo);
    const session = await sessions.create(user, sessionLifetimeSeconds, provider, device);
    await confirmUser(session.id, user, body.access_token, log);
    const { sub, permission_level } = user;
    log.info("signed in", { sub, permission_level, session: describeSession(session.id) });
    const token = await tokens.mintUserToken(session);
    // Tokens are not for caches (RFC 6749 §5.1).
    return Response.json({ token }, { headers: { "cache-control": "no-store" } });
  };
}

/**
 * Asks the provider once more, now that there is a session: it may have told us of a sign-out, a
 * disabled user or other groups after it had answered and before there was a session to end.
 */
function createUserConfirmation({ endSessions, keycloak }: Pick<Core, "endSessions" | "keycloak">) {
  return async (id: string, user: User, accessToken: string, log: Log): Promise<void> => {
    try {
      const now = toUser(await readUserinfo(keycloak, accessToken));
      if (areSameGroups(now.groups, user.groups)) return;
      throw new HttpError(503, "The user was changed during the sign-in, sign in again", {
        headers: { "retry-after": "1" },
      });
    } catch (error) {
      const reason = "not confirmed by the identity provider";
      await endSessions({ id }, { reason, log, keepProviderSession: true });
      throw error;
    }
  };
}

/**
 * Ends the session that a browser had before this sign-in. The provider's side is left alone: it
 * carries the new session too.
 */
function createPreviousEnding({ endSessions, tokens }: Pick<Core, "endSessions" | "tokens">) {
  return async (token: string, log: Log): Promise<void> => {
    try {
      const { jti } = await tokens.readUserToken(token, { acceptExpired: true });
      const reason = "signed in anew";
      await endSessions({ id: jti }, { reason, log, keepProviderSession: true });
    } catch (error) {
      // A token that is none of ours holds no session, and nobody should be kept out because of it.
      if (!(error instanceof HttpError) || error.status >= 500) throw error;
      log.info("the previous token is none of ours", { reason: error.message });
    }
  };
}

/** Longest text kept of a User-Agent header: enough to tell browsers apart. */
const maxUserAgentLength = 300;

function readDevice(body: Record<string, unknown>): Device {
  return {
    userAgent: readOptional(body, "user_agent")?.slice(0, maxUserAgentLength),
    address: readOptional(body, "address")?.slice(0, maxUserAgentLength),
  };
}

function readProviderSession(body: Record<string, unknown>): ProviderSession {
  const refreshToken = readOptional(body, "refresh_token");
  return {
    sid: readOptional(body, "sid"),
    refreshToken,
    untilSeconds: refreshToken === undefined ? undefined : readExpiry(refreshToken),
  };
}

/** The latest `exp` that counts, in the year 5138: no token is meant to last longer. */
const latestSeconds = 100_000_000_000;

/** A refresh token is the provider's own affair; Keycloak's happens to be a JWT that says its end. */
function readExpiry(refreshToken: string): number | undefined {
  try {
    const { exp } = decodeJwt(refreshToken);
    return Number.isInteger(exp) && Number(exp) > 0 && Number(exp) < latestSeconds
      ? exp
      : undefined;
  } catch {
    return undefined;
  }
}

function readOptional(body: Record<string, unknown>, name: string): string | undefined {
  const value = body[name] ?? undefined;
  // U+0000 has no place in any of them, and PostgreSQL cannot store it.
  if (value === undefined || (typeof value === "string" && !value.includes("\u0000"))) return value;
  throw new HttpError(400, `Cannot read the body: "${name}" must be a string`);
}

/** Whom an ID token speaks of. Its signature is Nexus's to check, which had it from the provider. */
function readSubject(idToken: string | undefined): string | undefined {
  if (idToken === undefined) return undefined;
  try {
    return decodeJwt(idToken).sub ?? "";
  } catch {
    throw new HttpError(400, 'Cannot read the body: "id_token" is no JSON Web Token');
  }
}

function toUser({ sub, name, email, preferred_username, groups }: Userinfo): User {
  return {
    sub,
    name,
    email,
    preferred_username,
    permission_level: readPermissionLevel(groups),
    groups: groups.map(readGroupName),
  };
}
