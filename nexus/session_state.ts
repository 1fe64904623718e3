import { createHash } from "node:crypto";
import type { UserClaims } from "@hivematrix/lib/token_verifier";
import type { OwnHandler } from "./own_request.ts";
import { readToken, type SessionCheck } from "./session_check.ts";
import type { SessionCookie } from "./session_cookie.ts";

export const sessionStatePath = "/api/session";

/**
 * GET /api/session: whether a session lives in this browser, and whose. Open pages ask it
 * (static/session_watch.js), which is no use of the session: it does not keep an idle one alive (R10).
 * The handler throws {HttpError} 503 while Core cannot be asked, which says nothing about the session.
 */
export function showSessionState({
  checkSession,
  sessionCookie,
}: {
  checkSession: SessionCheck;
  sessionCookie: SessionCookie;
}): OwnHandler {
  return async ({ headers, cookies }) => {
    const { token } = readToken(headers, sessionCookie.read(cookies));
    const session = token === undefined ? undefined : await checkSession(token, { isUse: false });
    const state = session === undefined ? { active: false } : describe(session.user);
    return Response.json(state, { headers: { "cache-control": "no-store" } });
  };
}

function describe(user: UserClaims) {
  const { exp, name } = user;
  return {
    active: true,
    person: markPerson(user),
    name,
    expires_at: new Date(exp * 1000).toISOString(),
    // For a browser whose clock is wrong.
    ends_in_seconds: Math.max(0, Math.floor(exp - Date.now() / 1000)),
  };
}

const marks = new WeakMap<Pick<UserClaims, "sub">, string>();

/** Tells people apart without saying who they are: pages are saved, printed and sent around. */
export function markPerson(user: Pick<UserClaims, "sub">): string {
  let mark = marks.get(user);
  if (mark === undefined) {
    mark = createHash("sha256").update(user.sub).digest("base64url").slice(0, 16);
    marks.set(user, mark);
  }
  return mark;
}
