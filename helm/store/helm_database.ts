import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { connectDatabase, type Sql } from "@hivematrix/lib/database";
import type { Log } from "@hivematrix/lib/log";
import { connectionString } from "../config/app_files.ts";
import type { Platform } from "../control/platform.ts";

const retryAfterMs = 1000;

/**
 * Helm's own database, `helm_db`. Nothing of Helm's start waits for it: PostgreSQL is a service that
 * Helm starts itself, and may be away at any time.
 */
export class HelmDatabase {
  readonly #platform: Pick<Platform, "config" | "ensureOwnDatabase">;
  readonly #log: Log;
  readonly #closing = new AbortController();
  #made: Promise<Sql> | undefined;
  #sql: Sql | undefined;

  constructor(platform: Pick<Platform, "config" | "ensureOwnDatabase">, log: Log) {
    this.#platform = platform;
    this.#log = log;
  }

  /**
   * The pool, when the database is there and the statements of a `schema.sql` have been applied,
   * which must change nothing where they have been applied before. Tries for as long as it takes.
   *
   * @param schemaFile of one part of Helm; each has tables of its own
   * @returns `undefined` when it is closed meanwhile
   */
  async open(schemaFile: string): Promise<Sql | undefined> {
    const schema = readFileSync(schemaFile, "utf8");
    let told = "";
    while (!this.#closing.signal.aborted) {
      try {
        const sql = await this.#make();
        await applySchema(sql, schema);
        return sql;
      } catch (error) {
        // At the end of a `helm up` that fails, a new one each second would fill the log.
        const reason = String(error);
        if (reason !== told) this.#log.warn("waiting for Helm's own database", { error: reason });
        told = reason;
        await sleep(retryAfterMs, undefined, { signal: this.#closing.signal }).catch(() => {});
      }
    }
    return undefined;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#sql?.end({ timeout: 1 });
  }

  /** Once for all parts that ask at the same time; anew after a failure. */
  async #make(): Promise<Sql> {
    this.#made ??= this.#connect().catch((error: unknown) => {
      this.#made = undefined;
      throw error;
    });
    return await this.#made;
  }

  async #connect(): Promise<Sql> {
    await this.#platform.ensureOwnDatabase();
    this.#closing.signal.throwIfAborted();
    const { config } = this.#platform;
    const { db_name = "", db_user = "", db_password = "" } = config.apps["helm"] ?? {};
    const credentials = { database: db_name, user: db_user, password: db_password };
    this.#sql = connectDatabase(connectionString(config, credentials), { log: this.#log, max: 3 });
    return this.#sql;
  }
}

async function applySchema(sql: Sql, schema: string): Promise<void> {
  await sql.begin(async (transaction) => {
    // "if not exists" alone fails when two create the same table at once.
    await transaction`select pg_advisory_xact_lock(hashtext('schema'))`;
    await transaction.unsafe(schema);
  });
}
