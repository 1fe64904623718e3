import type { Sql } from "@hivematrix/lib/database";
import type { Log } from "@hivematrix/lib/log";

/**
 * The index by which any part of a text is found at once. It needs PostgreSQL's extension pg_trgm,
 * which the database's owner may create where the server has it; without it a search reads lines
 * from the newest on, which finds the same and takes longer.
 *
 * @returns whether there is one
 */
export async function ensureTextIndex(sql: Sql, log: Log): Promise<boolean> {
  try {
    await sql`create extension if not exists pg_trgm`;
    await sql`create index if not exists log_lines_search on log_lines using gin (search gin_trgm_ops)`;
    return true;
  } catch (error) {
    log.info("the log store has no text index, searching takes longer", { reason: String(error) });
    return false;
  }
}
