// Sets up the database. Part of every start; also a command: node --import tsx init_db.ts
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connectDatabase, type Sql } from "@hivematrix/lib/database";
import { databaseIsAway } from "@hivematrix/lib/database_errors";
import { createLog, exitOnFailure, type Log } from "@hivematrix/lib/log";
import { readServiceSettings } from "./service_settings.ts";

const schema = readFileSync(join(import.meta.dirname, "schema.sql"), "utf8");
const retryAfterMs = 500;

/**
 * Applies schema.sql, which changes nothing where it has been applied. Waits for a database that is
 * away: a restart of PostgreSQL must not end those that need it.
 *
 * @throws {Error} of PostgreSQL, when a statement fails; nothing of the schema is applied then
 */
export async function initDb(sql: Sql, log: Log): Promise<void> {
  for (;;) {
    try {
      await applySchema(sql);
      return;
    } catch (error) {
      if (!databaseIsAway(error) || isClosedByUs(error)) throw error;
      log.warn("waiting for the database", { error });
      await sleep(retryAfterMs);
    }
  }
}

/** postgres.js's code for a query after `sql.end()`: nothing to wait for. */
function isClosedByUs(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "CONNECTION_ENDED";
}

async function applySchema(sql: Sql): Promise<void> {
  await sql.begin(async (transaction) => {
    // "if not exists" alone fails when two starts create the same table at once.
    await transaction`select pg_advisory_xact_lock(hashtext('schema'))`;
    await transaction.unsafe(schema);
  });
}

if (process.argv[1] === import.meta.filename) {
  const log = createLog(basename(import.meta.dirname));
  exitOnFailure(log);
  const sql = connectDatabase(readServiceSettings()["database.connection_string"], { log });
  await initDb(sql, log);
  await sql.end();
  log.info("the database is set up");
}
