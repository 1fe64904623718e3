import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "@hivematrix/lib/database";
import { HttpError } from "@hivematrix/lib/http_error";
import type { Log } from "@hivematrix/lib/log";
import { createSealer, type Sealer } from "./sealed_text.ts";
import { hashSessionId } from "./session_id.ts";
import {
  clockLeewaySeconds,
  createSession,
  type Device,
  isDueToTouch,
  judgeSession,
  lateLogoutSeconds,
  type ProviderSession,
  type Session,
  type SessionCheck,
  type SessionRecord,
  type SessionStore,
  type SessionStoreOptions,
  type User,
} from "./session_store.ts";

const schema = readFileSync(join(import.meta.dirname, "schema.sql"), "utf8");

/** Any number, the same in every Core: who holds this lock applies the schema. */
const schemaLock = 4_713_061_001;

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
          user_agent: device.userAgent ?? null,
          address: device.address ?? null,
          sealed_id_token: this.#seal(provider.idToken, idHash, "id_token"),
          sealed_refresh_token: this.#seal(provider.refreshToken, idHash, "refresh_token"),
          created_at: createdAt,
          last_seen_at: createdAt,
          expires_at: toDate(session.expiresAtSeconds),
        })}`,
    );
    return session;
  }

  async check(id: string): Promise<SessionCheck> {
    const idHash = hashSessionId(id);
    const nowSeconds = this.#nowSeconds();
    const [row] = await this.#run(
      (sql) => sql<SessionRow[]>`
        select user_data, created_at, last_seen_at, expires_at, revoked_at
        from sessions where id_hash = ${idHash}`,
    );
    const record = row && toRecord(id, row);
    const judged = judgeSession(record, nowSeconds, this.#idleSeconds);
    if (record === undefined || judged.state !== "live") return judged;
    if (isDueToTouch(record, nowSeconds, this.#idleSeconds)) {
      const now = toDate(nowSeconds);
      await this.#run(
        (sql) => sql`update sessions set last_seen_at = ${now} where id_hash = ${idHash}`,
      );
    }
    return judged;
  }

  async revoke(id: string): Promise<ProviderSession | undefined> {
    const idHash = hashSessionId(id);
    const now = toDate(this.#nowSeconds());
    // The row lock makes one of two revokes at once the first; only that one gets the tokens.
    const [row] = await this.#run(
      (sql) => sql<ProviderRow[]>`
        with ended as (
          select id_hash, sid, sealed_id_token, sealed_refresh_token
          from sessions where id_hash = ${idHash} and revoked_at is null
          for update
        ), revoked as (
          update sessions
          set revoked_at = ${now}, sealed_id_token = null, sealed_refresh_token = null
          from ended where sessions.id_hash = ended.id_hash
        )
        select sid, sealed_id_token, sealed_refresh_token from ended`,
    );
    if (row === undefined) return undefined;
    return {
      sid: row.sid ?? undefined,
      idToken: this.#open(row.sealed_id_token, idHash, "id_token"),
      refreshToken: this.#open(row.sealed_refresh_token, idHash, "refresh_token"),
    };
  }

  async removeExpired(): Promise<number> {
    const nowSeconds = this.#nowSeconds();
    const { count } = await this.#run(
      (sql) => sql`
        delete from sessions
        where expires_at <= ${toDate(nowSeconds - lateLogoutSeconds)}
          or (expires_at <= ${toDate(nowSeconds)} and sealed_refresh_token is null)
          or created_at > ${toDate(nowSeconds + clockLeewaySeconds)}`,
    );
    return count;
  }

  async ping(): Promise<void> {
    await this.#run((sql) => sql`select 1 from sessions limit 1`);
  }

  async close(): Promise<void> {
    await this.#sql.end({ timeout: 1 });
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
        await transaction.unsafe(schema);
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

interface SessionRow {
  readonly user_data: User;
  readonly created_at: Date;
  readonly last_seen_at: Date;
  readonly expires_at: Date;
  readonly revoked_at: Date | null;
}

interface ProviderRow {
  readonly sid: string | null;
  readonly sealed_id_token: string | null;
  readonly sealed_refresh_token: string | null;
}

function toRecord(id: string, row: SessionRow): SessionRecord {
  return {
    session: {
      id,
      user: row.user_data,
      createdAtSeconds: toSeconds(row.created_at),
      expiresAtSeconds: toSeconds(row.expires_at),
    },
    lastSeenAtSeconds: toSeconds(row.last_seen_at),
    isRevoked: row.revoked_at !== null,
  };
}

function describePlace(idHash: Buffer, column: string): string {
  return `${idHash.toString("hex")} ${column}`;
}

function toDate(seconds: number): Date {
  return new Date(seconds * 1000);
}

function toSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}
