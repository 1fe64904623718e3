// Where oidc-provider keeps its sessions, attempts to sign in, codes, grants and tokens, so that a
// restart signs nobody out.
import type { Sql } from "@hivematrix/lib/database";
import { type Adapter, type AdapterPayload, errors } from "oidc-provider";

interface StoredRecord {
  readonly payload: AdapterPayload;
  /** Unix seconds. */
  readonly consumed: number | null;
}

/** oidc-provider's Adapter for one of its models, on the table `oidc_records`. */
export function createOidcAdapter(sql: Sql, model: string): Adapter {
  async function findOne(condition: ReturnType<Sql>): Promise<AdapterPayload | undefined> {
    const [row] = await sql<StoredRecord[]>`
      SELECT payload, extract(epoch FROM consumed_at)::int AS consumed
      FROM oidc_records WHERE model = ${model} AND ${condition}`;
    if (row === undefined) return undefined;
    return row.consumed === null ? row.payload : { ...row.payload, consumed: row.consumed };
  }

  return {
    async upsert(id, payload, expiresIn) {
      const { uid, sessionUid = uid, grantId, accountId } = payload;
      const seconds = expiresIn ?? longestLifetimeSeconds;
      await sql.begin(async (transaction) => {
        if (model === "Session" && uid !== undefined) {
          // A request that loaded the session before it was ended would otherwise save it back to
          // life. The lock puts this and session_ending.ts in an order; whoever is second sees the first.
          await transaction`SELECT pg_advisory_xact_lock(hashtextextended(${uid}, 0))`;
          const [ended] = await transaction`
            SELECT 1 FROM ended_sessions WHERE session_uid = ${uid}`;
          if (ended !== undefined) return;
        }
        await transaction`
          INSERT INTO oidc_records
            (model, id, payload, session_uid, grant_id, account_id, expires_at)
          VALUES (${model}, ${id}, ${transaction.json(payload as never)}, ${sessionUid ?? null},
            ${grantId ?? null}, ${accountId ?? null}, now() + ${seconds} * interval '1 second')
          ON CONFLICT (model, id) DO UPDATE SET payload = excluded.payload,
            session_uid = excluded.session_uid, grant_id = excluded.grant_id,
            account_id = excluded.account_id, expires_at = excluded.expires_at`;
      });
    },
    find: (id) => findOne(sql`id = ${id}`),
    // Tabs that sign in at once leave copies of their session under several ids, some from before
    // the sign-in: the session is what somebody has signed in to, last.
    findByUid: (uid) =>
      findOne(sql`session_uid = ${uid}
        ORDER BY (account_id IS NOT NULL) DESC, expires_at DESC LIMIT 1`),
    // Only the device flow has user codes, and that is switched off.
    findByUserCode: async () => undefined,
    async consume(id) {
      const { count } = await sql`
        UPDATE oidc_records SET consumed_at = now()
        WHERE model = ${model} AND id = ${id} AND consumed_at IS NULL`;
      // oidc-provider looks first and consumes later: of two requests that both looked in time, the
      // row lock lets one through (a code is good once, RFC 6749 §4.1.2).
      if (count === 0) throw new errors.InvalidGrant({ detail: `${model} already consumed` });
    },
    async destroy(id) {
      await sql`DELETE FROM oidc_records WHERE model = ${model} AND id = ${id}`;
    },
    async revokeByGrantId(grantId) {
      await sql`DELETE FROM oidc_records WHERE model = ${model} AND grant_id = ${grantId}`;
    },
  };
}

/** For records that come without a lifetime. */
const longestLifetimeSeconds = 24 * 3600;

/** Deletes what has expired; oidc-provider refuses it anyway, this only keeps the tables small. */
export async function deleteExpiredRecords(sql: Sql): Promise<void> {
  await sql`DELETE FROM oidc_records WHERE expires_at < now()`;
  await sql`DELETE FROM ended_sessions WHERE expires_at < now()`;
  await sql`
    DELETE FROM session_uses WHERE session_uid NOT IN
      (SELECT session_uid FROM oidc_records WHERE session_uid IS NOT NULL)`;
}
