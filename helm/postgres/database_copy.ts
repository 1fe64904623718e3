// A copy of a database beside it, and the way back to it. The files are copied as they are, so it is
// exact, fast, and needs no program that the embedded server does not have (pg_dump).
import type { Sql } from "postgres";
import { pollUntil } from "../services/pause.ts";

/**
 * Copies a database that nobody uses at the moment; who is still connected is cut off. A former copy
 * of that name is replaced. Only the owner can connect to the copy (R32).
 *
 * @param adminSql a connection to another database of the server, of somebody who may make some
 */
export async function copyDatabase(
  adminSql: Sql,
  { from, to, owner }: { from: string; to: string; owner: string },
): Promise<void> {
  [from, to, owner].forEach(requirePlainName);
  await adminSql.unsafe(`drop database if exists "${to}" with (force)`);
  await whileNobodyIsIn(adminSql, from, () =>
    adminSql.unsafe(`create database "${to}" owner "${owner}" template "${from}"`),
  );
  await adminSql.unsafe(`revoke all on database "${to}" from public`);
}

/**
 * Puts a copy in the place of its original, which is kept under another name.
 *
 * @throws {Error} when there is no such copy; nothing is changed then
 */
export async function restoreDatabase(
  adminSql: Sql,
  { name, copy, keepAs }: { name: string; copy: string; keepAs: string },
): Promise<void> {
  [name, copy, keepAs].forEach(requirePlainName);
  const [found] = await adminSql`select 1 from pg_database where datname = ${copy}`;
  if (found === undefined) throw new Error(`Cannot restore ${name}: there is no database ${copy}`);
  await adminSql.unsafe(`drop database if exists "${keepAs}" with (force)`);
  await whileNobodyIsIn(adminSql, copy, async () => {});
  await whileNobodyIsIn(adminSql, name, () =>
    // Both or none.
    adminSql.begin(async (sql) => {
      await sql.unsafe(`alter database "${name}" rename to "${keepAs}"`);
      await sql.unsafe(`alter database "${copy}" rename to "${name}"`);
    }),
  );
}

/** "Is being accessed by other users" (SQLSTATE 55006): a connection takes a moment to be gone. */
async function whileNobodyIsIn(
  adminSql: Sql,
  database: string,
  act: () => Promise<unknown>,
): Promise<void> {
  let failure: unknown;
  const isDone = await pollUntil(
    async () => {
      await adminSql`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = ${database} and pid <> pg_backend_pid()`;
      try {
        await act();
        return true;
      } catch (error) {
        if ((error as { code?: string }).code !== "55006") throw error;
        failure = error;
        return false;
      }
    },
    { timeoutMs: 10_000 },
  );
  if (!isDone) throw failure;
}

/** Names are part of the statements' text, where no parameter can stand. */
function requirePlainName(name: string): void {
  if (/^[a-z_][a-z0-9_]{0,62}$/.test(name)) return;
  throw new Error(`Cannot copy a database: "${name}" is no plain name of at most 63 characters`);
}
