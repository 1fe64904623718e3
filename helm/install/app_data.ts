// The database of an app as an operation on it sees it: whose it is, and when it goes.
import { connectAsAdmin } from "../config/app_databases.ts";
import type { MasterConfig } from "../config/master_config.ts";
import { dropAppDatabase } from "../postgres/app_database.ts";

export interface DatabaseNames {
  readonly database: string;
  readonly user: string;
}

/**
 * Makes sure that an app that is new gets a database that is new: somebody else's would be taken
 * over, and dropped when the installation fails.
 */
export async function requireNoDatabase(
  config: MasterConfig,
  { database, user }: DatabaseNames,
): Promise<void> {
  const sql = connectAsAdmin(config);
  try {
    const [found] = await sql`
      select exists (select from pg_database where datname = ${database}) as database,
        exists (select from pg_roles where rolname = ${user}) as role`;
    if (found?.["database"] === true) throw new Error(`there is a database "${database}" already`);
    if (found?.["role"] === true) throw new Error(`there is a database role "${user}" already`);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Drops role and database, with everything in it. Safe to repeat. */
export async function dropDatabase(config: MasterConfig, names: DatabaseNames): Promise<void> {
  const sql = connectAsAdmin(config);
  try {
    await dropAppDatabase(sql, names);
  } finally {
    await sql.end({ timeout: 1 });
  }
}
