// For tests of the log store: one over a database and a folder of its own.
import { appendFileSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { connectDatabase, type Sql } from "@hivematrix/lib/database";
import { createTestLog, startTestPostgres, type TestPostgres } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import type { Checkout } from "../config/checkout.ts";
import { afterTest, makeCheckout, makeConfig } from "../testing.ts";
import type { LogQuery } from "./log_query.ts";
import { type LoggedPlatform, LogStore } from "./log_store.ts";

export interface TestLogs {
  readonly checkout: Checkout;
  readonly logDir: string;
  readonly postgres: TestPostgres;
  readonly sql: Sql;
  readonly log: ReturnType<typeof createTestLog>;
  /** Appends lines to a service's log. */
  write(service: string, ...lines: (string | object)[]): void;
  /** A store that follows the files; a further one is another Helm's. */
  startStore(options?: StoreOptions): LogStore;
  /** The tables without a store. */
  makeTables(): Promise<void>;
  /** The stored lines of a service, in their order. */
  stored(service: string): Promise<string[]>;
  /** Waits until so many lines are stored of all services. */
  waitForLines(count: number): Promise<void>;
}

export interface StoreOptions {
  readonly config?: LoggedPlatform["config"];
}

export async function startTestLogs(
  t: TestContext,
  { own = false }: { own?: boolean } = {},
): Promise<TestLogs> {
  const checkout = await makeCheckout(t);
  const { logDir } = checkout;
  mkdirSync(logDir, { recursive: true });
  const postgres = await startTestPostgres({ after: (end) => afterTest(t, end) }, { own });
  const log = createTestLog("helm");
  const { sql } = postgres;
  const config = makeConfig();
  return {
    checkout,
    logDir,
    postgres,
    sql,
    log,
    write(service, ...lines) {
      const texts = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line)));
      appendFileSync(join(logDir, `${service}.log`), texts.map((text) => `${text}\n`).join(""));
    },
    startStore(options = {}) {
      const pool = connectDatabase(postgres.url, { log, max: 3 });
      const database = {
        async open(schemaFile: string) {
          await applySchema(pool, schemaFile);
          return pool;
        },
      };
      const platform = { config: options.config ?? config, checkout: { logDir } };
      // More often than usual, so that tests need not wait.
      const store = new LogStore(platform, log, { lookEveryMs: 20, headsEveryMs: 20 });
      store.start(database);
      afterTest(t, async () => {
        await store.close();
        await pool.end({ timeout: 0 });
      });
      return store;
    },
    makeTables: () => applySchema(sql, join(import.meta.dirname, "schema.sql")),
    async stored(service) {
      const rows = await sql`select line from log_lines where service = ${service} order by id`;
      return rows.map(({ line }) => line);
    },
    async waitForLines(count) {
      const countLines = async () =>
        Number((await sql`select count(*) from log_lines`.catch(() => []))[0]?.["count"] ?? -1);
      await waitFor(async () => (await countLines()) === count, { what: `${count} stored lines` });
    },
  };
}

/** Two stores may begin at the same time. */
async function applySchema(sql: Sql, schemaFile: string): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(1)`;
    await tx.unsafe(readFileSync(schemaFile, "utf8"));
  });
}

/** A line of a service at a second of one minute. */
export function lineAt(second: number, message: string, fields: object = {}): string {
  const time = new Date(Date.UTC(2026, 10, 23, 20, 41, second)).toISOString();
  return JSON.stringify({ time, level: "info", service: "core", message, ...fields });
}

export const everything: LogQuery = { services: [], count: 100 };
