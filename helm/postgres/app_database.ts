import postgres, { type ReservedSql, type Sql } from "postgres";
import { matchesVerifier, scramVerifier } from "./scram_verifier.ts";

export interface AppDatabase {
  readonly database: string;
  readonly user: string;
  readonly password: string;
}

/**
 * Makes an app's role and database, or brings them up to date; safe to repeat and to run for several
 * apps at once. Only this role can connect to this database (R32).
 *
 * @param adminSql a connection of somebody who may create roles and databases
 * @throws {Error} for a name that is not plain, or a role that is a superuser
 */
export async function ensureAppDatabase(
  adminSql: Sql,
  app: AppDatabase,
  options: {
    /** Somebody else's server: its own databases `postgres` and `template1` are left as they are. */
    readonly isExternal?: boolean;
  } = {},
): Promise<void> {
  const { database, user } = app;
  requirePlainNames(app);
  await alone(adminSql, async (sql) => {
    await ensureRole(sql, app);
    const [found] = await sql`
      select pg_get_userbyid(datdba) as owner from pg_database where datname = ${database}`;
    if (found === undefined) {
      // From template0, which nobody is connected to: copying fails while somebody is.
      await sql.unsafe(
        `create database "${database}" owner "${user}" template template0 encoding 'UTF8'`,
      );
    } else if (found["owner"] !== user) {
      await sql.unsafe(`alter database "${database}" owner to "${user}"`);
    }
    // PostgreSQL lets everyone connect to a new database.
    await sql.unsafe(`revoke all on database "${database}" from public`);
    if (options.isExternal !== true) {
      await sql.unsafe("revoke all on database postgres, template1 from public");
    }
  });
  await ownPublicSchema(adminSql, app);
}

/** Removes an app's database, with everything in it and whoever is connected, and its role. */
export async function dropAppDatabase(
  adminSql: Sql,
  app: Pick<AppDatabase, "database" | "user">,
): Promise<void> {
  requirePlainNames(app);
  await alone(adminSql, async (sql) => {
    await sql.unsafe(`drop database if exists "${app.database}" with (force)`);
    await sql.unsafe(`drop role if exists "${app.user}"`);
  });
}

async function ensureRole(sql: ReservedSql, { user, password }: AppDatabase): Promise<void> {
  const [role] = await sql`select rolsuper as is_super from pg_roles where rolname = ${user}`;
  if (role?.["is_super"] === true) {
    throw new Error(`Cannot make role "${user}" for an app: it is a superuser of the server`);
  }
  if (role === undefined) {
    await sql.unsafe(`create role "${user}" login password '${await scramVerifier(password)}'`);
  } else if (!(await hasPassword(sql, user, password))) {
    await sql.unsafe(`alter role "${user}" login password '${await scramVerifier(password)}'`);
  }
  // Without being superuser, only a member of a role can give it a database.
  const [self] = await sql`select rolsuper as is_super from pg_roles where rolname = current_user`;
  if (self?.["is_super"] !== true) await sql.unsafe(`grant "${user}" to current_user`);
}

/** `false` also where only superusers may look, as on a hosted server: then it is set once more. */
async function hasPassword(sql: ReservedSql, user: string, password: string): Promise<boolean> {
  const [may] = await sql`select has_table_privilege('pg_authid', 'select') as read`;
  if (may?.["read"] !== true) return false;
  const [role] = await sql`
    select rolpassword as verifier from pg_authid where rolname = ${user} and rolcanlogin`;
  return matchesVerifier(password, role?.["verifier"] ?? "");
}

/** In an older server, or a database that somebody else made, it may belong to another role. */
async function ownPublicSchema(adminSql: Sql, { database, user }: AppDatabase): Promise<void> {
  const { host, port, user: admin, pass, ssl } = adminSql.options;
  const sql = postgres({
    host: host[0] ?? "localhost",
    port: port[0] ?? 5432,
    user: admin,
    // Its type says null, which is only what it is without a password.
    password: pass ?? "",
    database,
    ssl,
    max: 1,
    onnotice: () => {},
  });
  try {
    const [schema] = await sql`
      select pg_get_userbyid(nspowner) as owner from pg_namespace where nspname = 'public'`;
    if (schema !== undefined && schema["owner"] !== user) {
      await sql.unsafe(`alter schema public owner to "${user}"`);
    }
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** One at a time on the whole server; the lock goes with the connection if we are killed. */
async function alone<T>(adminSql: Sql, act: (sql: ReservedSql) => Promise<T>): Promise<T> {
  const lock = 0x68697665; // "hive"
  const sql = await adminSql.reserve();
  try {
    await sql`select pg_advisory_lock(${lock})`;
    return await act(sql);
  } finally {
    await sql`select pg_advisory_unlock(${lock})`.catch(() => {});
    sql.release();
  }
}

/** Names are part of the statements' text, where no parameter can stand. */
function requirePlainNames({ database, user }: Pick<AppDatabase, "database" | "user">): void {
  for (const name of [database, user]) {
    const isReserved = /^(pg_.*|postgres|template[01])$/.test(name);
    if (!/^[a-z_][a-z0-9_-]{0,62}$/.test(name) || isReserved) {
      throw new Error(
        `Cannot use "${name}" for an app's role or database: take a-z, 0-9, "_" and "-", at most 63, and no name of PostgreSQL's own`,
      );
    }
  }
}
