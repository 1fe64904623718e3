// Since when, from where and when last a session was used: for the list of somebody's sessions.
import type { Sql } from "@hivematrix/lib/database";
import type { Log } from "@hivematrix/lib/log";
import type { Middleware } from "koa";
import type { KoaContextWithOIDC } from "oidc-provider";
import { readBrowserAddress } from "./browser_address.ts";

export interface UsedSession {
  /** The `sid` of its ID tokens. */
  readonly uid: string;
  readonly address: string;
  readonly startedAt: Date;
  readonly lastUsedAt: Date;
}

/** Notes where the session of each sign-in and each silent renewal is. */
export function noteSessionUses(sql: Sql, log: Log): Middleware {
  return async (context, next) => {
    await next();
    const { oidc } = context as unknown as Partial<KoaContextWithOIDC>;
    if (oidc?.route !== "authorization" && oidc?.route !== "resume") return;
    const { uid, accountId } = oidc.session ?? {};
    if (uid === undefined || accountId === undefined) return;
    try {
      await sql`
        INSERT INTO session_uses (session_uid, address) VALUES (${uid}, ${readBrowserAddress(context)})
        ON CONFLICT (session_uid) DO UPDATE SET address = excluded.address, last_used_at = now()`;
    } catch (error) {
      // The sign-in has succeeded by now, and is worth more than a line of a list.
      log.warn("cannot note where a session is used", { error: String(error) });
    }
  };
}

/** The live sessions of a user, the latest first. */
export async function listSessionsOf(sql: Sql, userId: string): Promise<UsedSession[]> {
  // Tabs that sign in at once leave copies of their session under several ids.
  const rows = await sql<UsedSession[]>`
    SELECT s.session_uid AS uid, coalesce(u.address, '') AS address,
      to_timestamp(s.started) AS "startedAt",
      coalesce(u.last_used_at, to_timestamp(s.started)) AS "lastUsedAt"
    FROM (
      SELECT session_uid, max((payload ->> 'loginTs')::bigint) AS started FROM oidc_records
      WHERE model = 'Session' AND account_id = ${userId} AND expires_at > now()
      GROUP BY session_uid
    ) s LEFT JOIN session_uses u USING (session_uid)
    ORDER BY s.started DESC, uid`;
  return [...rows];
}

/** A live session that somebody is signed in to. */
export async function findSession(
  sql: Sql,
  uid: string,
): Promise<{ uid: string; userId: string } | undefined> {
  const [row] = await sql<{ uid: string; userId: string }[]>`
    SELECT session_uid AS uid, account_id AS "userId" FROM oidc_records
    WHERE model = 'Session' AND session_uid = ${uid} AND account_id IS NOT NULL
      AND expires_at > now() LIMIT 1`;
  return row;
}
