// Everybody whom the embedded provider knows, as its tables have them, passwords' hashes included.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Sql } from "@hivematrix/lib/database";

export interface StoredUser {
  readonly id: string;
  readonly username: string;
  readonly email: string | null;
  readonly firstName: string;
  readonly lastName: string;
  /** Empty: no password. */
  readonly passwordHash: string;
  readonly mustChangePassword: boolean;
  readonly isEnabled: boolean;
  readonly createdAt: Date;
  readonly groups: readonly string[];
}

export interface StoredPeople {
  readonly users: readonly StoredUser[];
  readonly groups: readonly string[];
}

/**
 * @returns `undefined` when no embedded provider has ever used the database
 */
export async function readStoredPeople(sql: Sql): Promise<StoredPeople | undefined> {
  const [found] = await sql<{ isThere: boolean }[]>`
    SELECT to_regclass('public.users') IS NOT NULL
      AND to_regclass('public.user_groups') IS NOT NULL AS "isThere"`;
  if (found?.isThere !== true) return undefined;
  // It may be an earlier version that was used last; this brings its tables up to date.
  await sql.unsafe(await readFile(join(import.meta.dirname, "schema.sql"), "utf8"));
  const users = await sql<StoredUser[]>`
    SELECT u.id, u.username, u.email, u.first_name AS "firstName", u.last_name AS "lastName",
      u.password_hash AS "passwordHash", u.must_change_password AS "mustChangePassword",
      u.is_enabled AS "isEnabled", u.created_at AS "createdAt",
      array_remove(array_agg(m.group_name ORDER BY m.group_name), NULL) AS groups
    FROM users u LEFT JOIN user_group_members m ON m.user_id = u.id
    GROUP BY u.id ORDER BY u.username`;
  const groups = await sql<{ name: string }[]>`SELECT name FROM user_groups ORDER BY name`;
  return { users: [...users], groups: groups.map(({ name }) => name) };
}
