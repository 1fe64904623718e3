// The groups of the embedded identity provider's users, in PostgreSQL.
import type { Sql } from "@hivematrix/lib/database";
import type { TransactionSql } from "postgres";
import { AccountError } from "./account_text.ts";

export interface Group {
  readonly id: string;
  readonly name: string;
}

export async function listGroups(sql: Sql, memberId?: string): Promise<Group[]> {
  const all = memberId === undefined;
  const rows = await sql<Group[]>`
    SELECT id, name FROM user_groups WHERE ${all} OR name IN
      (SELECT group_name FROM user_group_members WHERE user_id::text = ${memberId ?? ""})
    ORDER BY name`;
  return [...rows];
}

export async function findGroup(sql: Sql, id: string): Promise<Group | undefined> {
  const [group] = await sql<Group[]>`SELECT id, name FROM user_groups WHERE id::text = ${id}`;
  return group;
}

/** @throws {AccountError} for a name that is taken or cannot be used */
export async function createGroup(sql: Sql, name: string): Promise<Group> {
  const action = `create group "${name}"`;
  if (name.trim() === "" || name.length > 255 || /\p{Cc}/u.test(name)) {
    const rule = "a group's name has 1 to 255 characters on one line";
    throw new AccountError("invalid", action, rule);
  }
  const [group] = await sql<Group[]>`
    INSERT INTO user_groups (name) VALUES (${name}) ON CONFLICT DO NOTHING RETURNING id, name`;
  if (group !== undefined) return group;
  throw new AccountError("taken", action, `Top level group named '${name}' already exists.`);
}

/** @returns whether the user was not in it before. @throws {AccountError} for an unknown group */
export async function joinGroup(
  sql: TransactionSql,
  userId: string,
  group: string,
): Promise<boolean> {
  const [known] = await sql`SELECT 1 FROM user_groups WHERE name = ${group}`;
  if (known === undefined) {
    throw new AccountError("unknown", `add user ${userId} to group "${group}"`, "no such group");
  }
  const { count } = await sql`
    INSERT INTO user_group_members (user_id, group_name)
    VALUES (${userId}, ${group}) ON CONFLICT DO NOTHING`;
  return count > 0;
}

/** @returns whether the user was in it */
export async function leaveGroup(
  sql: TransactionSql,
  userId: string,
  group: string,
): Promise<boolean> {
  const { count } = await sql`
    DELETE FROM user_group_members WHERE user_id::text = ${userId} AND group_name = ${group}`;
  return count > 0;
}
