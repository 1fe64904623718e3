// A user's sessions under the paths of Keycloak's Admin REST API.
import type { Sql } from "@hivematrix/lib/database";
import { HttpError } from "@hivematrix/lib/http_error";
import type { Handler, Route } from "@hivematrix/lib/router";
import { noContent, requireUser } from "./admin_users.ts";
import type { EmbeddedAccounts } from "./embedded_accounts.ts";
import { endSession } from "./session_ending.ts";
import { findSession, listSessionsOf, type UsedSession } from "./session_uses.ts";

export interface AdminSessionParts {
  readonly sql: Sql;
  readonly accounts: EmbeddedAccounts;
  /** Called when there is something to tell Core (backchannel_logout.ts). */
  readonly onLogout: () => void;
}

/** @param base path of the realm in the Admin REST API */
export function adminSessionRoutes(
  base: string,
  { sql, accounts, onLogout }: AdminSessionParts,
  guarded: (handler: Handler) => Handler,
): Route[] {
  const list: Handler = async (_request, context) => {
    const { id, username } = await requireUser(accounts, context);
    const sessions = await listSessionsOf(sql, id);
    return Response.json(sessions.map((session) => toRepresentation(session, id, username)));
  };
  const logout: Handler = async (_request, context) => {
    const { id } = await requireUser(accounts, context);
    await accounts.logout(id);
    context.log.info("user signed out everywhere", { user_id: id });
    return noContent();
  };
  const end: Handler = async (_request, { params, log }) => {
    const session = await findSession(sql, params["id"] ?? "");
    if (session === undefined) throw new HttpError(404, "Session not found");
    await endSession(sql, session.uid);
    log.info("session ended", { user_id: session.userId });
    onLogout();
    return noContent();
  };

  return [
    { method: "GET", path: `${base}/users/:id/sessions`, handler: guarded(list) },
    { method: "POST", path: `${base}/users/:id/logout`, handler: guarded(logout) },
    { method: "DELETE", path: `${base}/sessions/:id`, handler: guarded(end) },
  ];
}

/** UserSessionRepresentation; times are in milliseconds there. */
function toRepresentation(
  { uid, address, startedAt, lastUsedAt }: UsedSession,
  userId: string,
  username: string,
) {
  return {
    id: uid,
    username,
    userId,
    ipAddress: address,
    start: startedAt.getTime(),
    lastAccess: lastUsedAt.getTime(),
    rememberMe: false,
    clients: {},
  };
}
