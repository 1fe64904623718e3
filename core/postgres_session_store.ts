import { createHash, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "@hivematrix/lib/database";
import { HttpError } from "@hivematrix/lib/http_error";
import type { Log } from "@hivematrix/lib/log";
import { hashesPerNotice, revocationChannel } from "./revocation_notice.ts";
import { createSealer, type Sealer } from "./sealed_text.ts";
import { hashSessionId } from "./session_id.ts";
import {
  type EndedRow,
  type HeldRow,
  type ListedRow,
  type SessionRow,
  toDate,
  toDateOrNull,
  toHeld,
  toListed,
  toRecord,
} from "./session_rows.ts";
import {
  clockLeewaySeconds,
  createSession,
  type Device,
  type EndedSession,
  type HeldSession,
  judgeSession,
  type ListedSession,
  lateLogoutSeconds,
  type ProviderSession,
  type Session,
  type SessionCheck,
  type SessionSelector,
  type SessionStore,
  type SessionStoreOptions,
  touchAfterSeconds,
  type User,
} from "./session_store.ts";

const schema = readFileSync(join(import.meta.dirname, "schema.sql"), "utf8");

/**
 * What the table says of itself once the schema is applied. Even statements that change nothing wait
 * for a backup or a vacuum of the table, and everybody's queries behind them.
 */
const schemaName = `schema ${createHash("sha256").update(schema).digest("hex").slice(0, 16)}`;

/** Any number, the same in every Core: who holds this lock applies the schema. */
const schemaLock = 4_713_061_001;

/** A statement that removes so many takes some tens of milliseconds. */
const removedAtOnce = 2000;

/** Each of them comes here with all that is known of it, to be announced. */
const idleAtOnce = 1000;

export interface PostgresSessionStoreOptions extends SessionStoreOptions {
  /** Seals the provider's tokens. */
  readonly secretKey: string;
  readonly log: Log;
  /** How long PostgreSQL may take for an answer. Default 5 s. */
  readonly timeoutMs?: number;
}

/**
 * Sessions in PostgreSQL: they outlive this process and several Cores share them. While PostgreSQL
 * is away every call fails with HttpError 503, at the start too, and works again when it is back.
 */
export class PostgresSessionStore implements SessionStore {
  readonly #sql: Sql;
  readonly #sealer: Sealer;
  readonly #log: Log;
  readonly #timeoutMs: number;
  readonly #idleSeconds: number | undefined;
  readonly #now: () => number;
  #schemaApplied: Promise<unknown> | undefined;

  constructor(sql: Sql, options: PostgresSessionStoreOptions) {
    this.#sql = sql;
    this.#sealer = createSealer(options.secretKey, "hivematrix core: provider tokens");
    this.#log = options.log;
    this.#timeoutMs = options.timeoutMs ?? 5000;
    this.#idleSeconds = options.idleSeconds;
    this.#now = options.now ?? Date.now;
  }

  async create(
    user: User,
    ttlSeconds: number,
    provider: ProviderSession = {},
    device: Device = {},
  ): Promise<Session> {
    const session = createSession(user, ttlSeconds, this.#nowSeconds());
    const idHash = hashSessionId(session.id);
    const createdAt = toDate(session.createdAtSeconds);
    await this.#run(
      (sql) => sql`
        insert into sessions ${sql({
          id_hash: idHash,
          sub: user.sub,
          user_data: sql.json({ ...user }),
          sid: provider.sid ?? null,
          provider_until: toDateOrNull(provider.untilSeconds),
          user_agent: device.userAgent ?? null,
          address: device.address ?? null,
          sealed_refresh_token: this.#seal(provider.refreshToken, idHash, "refresh_token"),
          created_at: createdAt,
          last_seen_at: createdAt,
          expires_at: toDate(session.expiresAtSeconds),
        })}`,
    );
    return session;
  }

  async check(id: string, { isUse = true } = {}): Promise<SessionCheck> {
    const idHash = hashSessionId(id);
    const nowSeconds = this.#nowSeconds();
    const [row] = await this.#run(
      (sql) => sql<SessionRow[]>`
        select user_data, created_at, last_seen_at, expires_at, revoked_at
        from sessions where id_hash = ${idHash}`,
    );
    if (row === undefined) return { state: "unknown" };
    const record = toRecord(row);
    const state = judgeSession(record, nowSeconds, this.#idleSeconds);
    if (state !== "live") return { state };
    const { createdAtSeconds, expiresAtSeconds, lastSeenAtSeconds } = record;
    if (isUse && nowSeconds - lastSeenAtSeconds >= touchAfterSeconds(this.#idleSeconds)) {
      await this.noteUse([idHash.toString("hex")]);
    }
    return { state, session: { id, user: row.user_data, createdAtSeconds, expiresAtSeconds } };
  }

  async end(which: SessionSelector, revocation = randomUUID()): Promise<EndedSession[]> {
    if ("idle" in which && this.#idleSeconds === undefined) return [];
    const nowSeconds = this.#nowSeconds();
    // One statement is one transaction: whoever learns of the end can see it, and it is not lost
    // between here and the other Cores. The row locks make one of two ends at once the first, and
    // only that one gets the tokens; in one order for all, or two would wait for each other.
    const rows = await this.#run(
      (sql) => sql<EndedRow[]>`
        with meant as (
          select id_hash, sub, sid, sealed_refresh_token,
            revoked_at, created_at, last_seen_at, expires_at, user_data
          from sessions where ${this.#where(sql, which, nowSeconds)}
          order by id_hash limit ${"idle" in which ? idleAtOnce : null} for update
        ), revoked as (
          update sessions
          set revoked_at = ${toDate(nowSeconds)}, sealed_refresh_token = null
          from meant where sessions.id_hash = meant.id_hash and meant.revoked_at is null
        ), notified as (
          select pg_notify(
            ${revocationChannel},
            ${revocation}::text || ':' || part || ' ' || string_agg(encode(id_hash, 'hex'), ' ')
          )
          from (
            select id_hash, (row_number() over (order by id_hash) - 1) / ${hashesPerNotice}::int as part
            from meant
          ) as parts group by part
        )
        select meant.*, (select count(*) from notified) from meant`,
    );
    return rows.map((row) => this.#toEnded(row, nowSeconds));
  }

  async list(sub: string | undefined, limit: number, search?: string): Promise<ListedSession[]> {
    const nowSeconds = this.#nowSeconds();
    const rows = await this.#run(
      (sql) => sql<ListedRow[]>`
        select id_hash, user_data, created_at, last_seen_at, expires_at, user_agent, address
        from sessions
        where ${this.#isLive(sql, nowSeconds)}
          and ${sub === undefined ? sql`true` : sql`sub = ${sub}`}
          and ${search === undefined ? sql`true` : isFoundBy(sql, search)}
        order by last_seen_at desc, id_hash limit ${limit}`,
    );
    return rows.map(toListed);
  }

  async listHeld(subs?: readonly string[]): Promise<HeldSession[]> {
    const nowSeconds = this.#nowSeconds();
    const rows = await this.#run(
      (sql) => sql<HeldRow[]>`
        select id_hash, sub, user_data->'groups' as groups, created_at, sid, provider_until
        from sessions
        where ${this.#isLive(sql, nowSeconds)}
          and ${subs === undefined ? sql`true` : sql`sub = any(${sql.array([...subs])}::text[])`}`,
    );
    return rows.map(toHeld);
  }

  async noteUse(hashes: readonly string[]): Promise<void> {
    const nowSeconds = this.#nowSeconds();
    // Only a live session: one that has been idle for too long must not come back to life.
    await this.#run(
      (sql) => sql`
        update sessions set last_seen_at = ${toDate(nowSeconds)}
        where id_hash in (select decode(hash, 'hex') from unnest(${sql.array([...hashes])}::text[]) as hash)
          and revoked_at is null
          and last_seen_at <= ${toDate(nowSeconds - touchAfterSeconds(this.#idleSeconds))}
          and last_seen_at > ${this.#idleSince(nowSeconds)}`,
    );
  }

  async isUsed(name: string): Promise<boolean> {
    const rows = await this.#run(
      (sql) => sql`select 1 from used_once where name_hash = ${hashSessionId(name)}`,
    );
    return rows.length > 0;
  }

  async markUsed(name: string, untilSeconds: number): Promise<void> {
    await this.#run(
      (sql) => sql`
        insert into used_once (name_hash, matters_until)
        values (${hashSessionId(name)}, ${toDate(untilSeconds)}) on conflict do nothing`,
    );
  }

  async removeExpired(): Promise<number> {
    const nowSeconds = this.#nowSeconds();
    await this.#run(
      (sql) => sql`delete from used_once where matters_until <= ${toDate(nowSeconds)}`,
    );
    let removed = await this.#remove(
      (sql) => sql`created_at > ${toDate(nowSeconds + clockLeewaySeconds)}`,
    );
    removed += await this.#remove(
      (sql) => sql`
        expires_at <= ${toDate(nowSeconds)} and
        (expires_at <= ${toDate(nowSeconds - lateLogoutSeconds)} or sealed_refresh_token is null)`,
    );
    return removed;
  }

  async ping(): Promise<void> {
    await this.#run((sql) => sql`select 1 from sessions limit 1`);
  }

  async close(): Promise<void> {
    await this.#sql.end({ timeout: 1 });
  }

  /** Some at a time: a statement that takes long holds up whoever needs these rows or the table. */
  async #remove(isMeant: (sql: Sql) => Fragment): Promise<number> {
    let removed = 0;
    for (;;) {
      const { count } = await this.#run(
        (sql) => sql`
          delete from sessions
          where id_hash in (select id_hash from sessions where ${isMeant(sql)} limit ${removedAtOnce})`,
      );
      removed += count;
      if (count < removedAtOnce) return removed;
    }
  }

  #where(sql: Sql, which: SessionSelector, nowSeconds: number) {
    if ("id" in which) return sql`id_hash = ${hashSessionId(which.id)}`;
    if ("hash" in which) {
      const owner = which.sub === undefined ? sql`true` : sql`sub = ${which.sub}`;
      return sql`id_hash = ${Buffer.from(which.hash, "hex")} and ${owner}`;
    }
    if ("sub" in which) {
      const except = [...(which.except ?? [])];
      return sql`sub = ${which.sub} and encode(id_hash, 'hex') <> all(${sql.array(except)}::text[])`;
    }
    if ("sid" in which) return sql`sid = ${which.sid}`;
    return sql`
      revoked_at is null and expires_at > ${toDate(nowSeconds)}
      and last_seen_at <= ${this.#idleSince(nowSeconds)}`;
  }

  #isLive(sql: Sql, nowSeconds: number) {
    return sql`
      revoked_at is null and expires_at > ${toDate(nowSeconds)}
      and created_at <= ${toDate(nowSeconds + clockLeewaySeconds)}
      and last_seen_at > ${this.#idleSince(nowSeconds)}`;
  }

  /** Whoever was last seen at this time or before is idle; 1970 without an idle limit. */
  #idleSince(nowSeconds: number): Date {
    return toDate(this.#idleSeconds === undefined ? 0 : nowSeconds - this.#idleSeconds);
  }

  #toEnded(row: EndedRow, nowSeconds: number): EndedSession {
    const state = judgeSession(toRecord(row), nowSeconds, this.#idleSeconds);
    return {
      hash: row.id_hash.toString("hex"),
      sub: row.sub,
      wasLive: state === "live",
      wasRevoked: row.revoked_at !== null,
      provider: {
        sid: row.sid ?? undefined,
        refreshToken: this.#open(row.sealed_refresh_token, row.id_hash, "refresh_token"),
      },
    };
  }

  /** Whatever goes wrong here means: no session can be judged now. Callers fail closed. */
  async #run<T>(query: (sql: Sql) => PromiseLike<T>): Promise<T> {
    const ended = new AbortController();
    const late = sleep(this.#timeoutMs, undefined, { signal: ended.signal }).then(() => {
      throw new Error(`PostgreSQL did not answer within ${this.#timeoutMs} ms`);
    });
    try {
      return await Promise.race([this.#applySchema().then(() => query(this.#sql)), late]);
    } catch (error) {
      throw new HttpError(503, "Sessions cannot be read at the moment, please try again", {
        cause: error,
        headers: { "retry-after": "2" },
      });
    } finally {
      ended.abort();
    }
  }

  /** Once for each process, and again until it succeeds. */
  #applySchema(): Promise<unknown> {
    this.#schemaApplied ??= this.#sql
      .begin(async (transaction) => {
        // Two Cores that start at once would run into each other's half-made table.
        await transaction`select pg_advisory_xact_lock(${schemaLock})`;
        const [found] = await transaction`
          select obj_description(to_regclass('sessions'), 'pg_class') = ${schemaName}
            and to_regclass('used_once') is not null
            and to_regclass('core_instances') is not null as is_applied`;
        if (found?.["is_applied"] === true) return;
        await transaction.unsafe(`${schema}; comment on table sessions is '${schemaName}'`);
      })
      .catch((error: unknown) => {
        this.#schemaApplied = undefined;
        throw error;
      });
    return this.#schemaApplied;
  }

  #seal(text: string | undefined, idHash: Buffer, column: string): string | null {
    return text === undefined ? null : this.#sealer.seal(text, describePlace(idHash, column));
  }

  #open(sealed: string | null, idHash: Buffer, column: string): string | undefined {
    if (sealed === null) return undefined;
    const text = this.#sealer.open(sealed, describePlace(idHash, column));
    if (text === undefined) {
      this.#log.warn("a stored token of the identity provider cannot be opened", {
        column,
        reason: "SECRET_KEY has changed since, or the row was altered",
      });
    }
    return text;
  }

  #nowSeconds(): number {
    return Math.floor(this.#now() / 1000);
  }
}

type Fragment = ReturnType<Sql>;

/** strpos instead of LIKE: nothing that somebody types is a pattern. */
function isFoundBy(sql: Sql, search: string) {
  return sql`(sub = ${search}
    or strpos(lower(user_data->>'name'), lower(${search})) > 0
    or strpos(lower(user_data->>'preferred_username'), lower(${search})) > 0
    or strpos(lower(user_data->>'email'), lower(${search})) > 0)`;
}

function describePlace(idHash: Buffer, column: string): string {
  return `${idHash.toString("hex")} ${column}`;
}
