import { HttpError } from "@hivematrix/lib/http_error";
import { readJsonFields } from "@hivematrix/lib/request_body";
import type { Handler } from "@hivematrix/lib/router";
import { invalidToken } from "@hivematrix/lib/token_verifier";
import { decodeJwt } from "jose";
import type { Core } from "./core.ts";
import { readUserinfo, type Userinfo } from "./keycloak_userinfo.ts";
import { readGroupName, readPermissionLevel } from "./permission_level.ts";
import { describeSession } from "./session_id.ts";
import type { ProviderSession, User } from "./session_store.ts";

/**
 * POST /api/token/exchange: turns the identity provider's access token into a session and its
 * token. `id_token`, `refresh_token` and `sid`, if sent, are kept with the session for its end.
 *
 * @throws {HttpError} 400 malformed, 401 refused by the provider, 503 when it or the store is away
 */
export function exchangeToken(core: Core): Handler {
  const { keycloak, sessions, sessionLifetimeSeconds, tokens } = core;
  return async (request, { log }) => {
    const body = await readJsonFields(request, ["access_token"]);
    const provider = readProviderSession(body);
    const subject = readSubject(provider.idToken);
    const userinfo = await readUserinfo(keycloak, body.access_token);
    // Two tokens of two people: one of them was slipped in (OpenID Connect Core §5.3.2).
    if (subject !== undefined && subject !== userinfo.sub) {
      throw invalidToken("id_token and access_token are two people's");
    }
    const user = toUser(userinfo);
    const session = await sessions.create(user, sessionLifetimeSeconds, provider);
    const { sub, permission_level } = user;
    log.info("signed in", { sub, permission_level, session: describeSession(session.id) });
    const token = await tokens.mintUserToken(session);
    // Tokens are not for caches (RFC 6749 §5.1).
    return Response.json({ token }, { headers: { "cache-control": "no-store" } });
  };
}

function readProviderSession(body: Record<string, unknown>): ProviderSession {
  return {
    sid: readOptional(body, "sid"),
    idToken: readOptional(body, "id_token"),
    refreshToken: readOptional(body, "refresh_token"),
  };
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
