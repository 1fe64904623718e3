import type { Sql } from "postgres";

export interface AppDatabase {
  readonly database: string;
  readonly user: string;
  readonly password: string;
}

/** Makes an app's role and database, or brings them up to date; safe to repeat. */
export async function ensureAppDatabase(
  adminSql: Sql,
  app: AppDatabase,
  options: {
    /** Somebody else's server: its own databases `postgres` and `template1` are left as they are. */
    readonly isExternal?: boolean;
  } = {},
): Promise<void> {
  throw new Error(`Not written yet ${adminSql} ${app.database} ${options}`);
}

/** Removes an app's database, with everything in it, and its role. */
export async function dropAppDatabase(
  adminSql: Sql,
  app: Pick<AppDatabase, "database" | "user">,
): Promise<void> {
  throw new Error(`Not written yet ${adminSql} ${app.database}`);
}
