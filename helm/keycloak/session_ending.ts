// How sessions of the provider end: for good, and with a message for the platform (which
// backchannel_logout.ts delivers) stored in the same transaction, so that neither is without the other.
import type { Sql } from "@hivematrix/lib/database";
import type { TransactionSql } from "postgres";

/** Ends a session for good: itself, its codes, its tokens, and the grants that these rest on. */
export async function endSession(sql: Sql, sessionUid: string): Promise<void> {
  await sql.begin((transaction) => endOneSession(transaction, sessionUid));
}

async function endOneSession(transaction: TransactionSql, sessionUid: string): Promise<void> {
  await keepFromComingBack(transaction, sessionUid);
  await transaction`
    INSERT INTO logout_messages (sub, sid)
    SELECT DISTINCT account_id, session_uid FROM oidc_records
    WHERE session_uid = ${sessionUid} AND account_id IS NOT NULL`;
  await transaction`
    DELETE FROM oidc_records WHERE model = 'Grant' AND id IN
      (SELECT grant_id FROM oidc_records WHERE session_uid = ${sessionUid})`;
  await transaction`DELETE FROM oidc_records WHERE session_uid = ${sessionUid}`;
}

/** Ends all sessions of a user, and every sign-in of theirs that is not completed yet. */
export async function endSessionsOf(transaction: TransactionSql, userId: string): Promise<void> {
  for (const uid of await sessionsOf(transaction, userId)) {
    await keepFromComingBack(transaction, uid);
  }
  await transaction`DELETE FROM oidc_records WHERE account_id = ${userId}`;
  // The password was right, and the browser has not come back with that yet: it could for half an hour.
  await transaction`
    DELETE FROM oidc_records
    WHERE model = 'Interaction' AND payload #>> '{result,login,accountId}' = ${userId}`;
  await announceUser(transaction, userId);
}

/** Ends the sessions and sign-ins of a user but for one session, which may sign in somewhere just now. */
export async function endOtherSessionsOf(
  transaction: TransactionSql,
  userId: string,
  keptUid: string,
): Promise<void> {
  for (const uid of await sessionsOf(transaction, userId)) {
    if (uid !== keptUid) await endOneSession(transaction, uid);
  }
  await transaction`
    DELETE FROM oidc_records
    WHERE model = 'Interaction' AND payload #>> '{session,uid}' IS DISTINCT FROM ${keptUid}
      AND (account_id = ${userId} OR payload #>> '{result,login,accountId}' = ${userId})`;
}

async function sessionsOf(transaction: TransactionSql, userId: string): Promise<string[]> {
  const rows = await transaction<{ uid: string }[]>`
    SELECT DISTINCT session_uid AS uid FROM oidc_records
    WHERE account_id = ${userId} AND model = 'Session' ORDER BY session_uid`;
  return rows.map(({ uid }) => uid);
}

/** Has the platform end its own sessions of a user, whatever becomes of the provider's. */
export async function announceUser(transaction: TransactionSql, userId: string): Promise<void> {
  await transaction`INSERT INTO logout_messages (sub) VALUES (${userId})`;
}

/** A request that is under way could save the session anew; oidc_adapter.ts looks here first. */
async function keepFromComingBack(transaction: TransactionSql, sessionUid: string): Promise<void> {
  await transaction`SELECT pg_advisory_xact_lock(hashtextextended(${sessionUid}, 0))`;
  await transaction`
    INSERT INTO ended_sessions (session_uid, expires_at)
    VALUES (${sessionUid}, now() + interval '1 hour') ON CONFLICT DO NOTHING`;
}
