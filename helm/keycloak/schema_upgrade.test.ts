import assert from "node:assert/strict";
import { test } from "node:test";
import { createTestLog, startTestPostgres } from "@hivematrix/lib/testing";
import { EmbeddedAccounts } from "./embedded_accounts.ts";
import { listGroups } from "./embedded_groups.ts";
import { prepareDatabase } from "./first_start.ts";

test("tables of an earlier version are brought up to date, and no name is lost", async (t) => {
  const { sql } = await startTestPostgres(t);
  await sql.unsafe(`
    CREATE TABLE users (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), username text NOT NULL UNIQUE,
      email text UNIQUE, name text NOT NULL, password_hash text NOT NULL,
      is_enabled boolean NOT NULL DEFAULT true, created_at timestamptz NOT NULL DEFAULT now());
    CREATE TABLE user_groups (name text PRIMARY KEY);
    INSERT INTO user_groups VALUES ('admins'), ('north');
    INSERT INTO users (username, name, password_hash) VALUES ('a', 'Ada King Lovelace', 'x'),
      ('b', 'Plato', 'x'), ('c', 'c', 'x'), ('d', 'D', 'x'), ('e', 'Two  blanks', 'x')`);
  const accounts = new EmbeddedAccounts(sql);
  const prepare = () =>
    prepareDatabase(sql, accounts, { firstUser: undefined, log: createTestLog() });
  await prepare();
  await prepare();
  const users = await accounts.list();
  assert.deepEqual(
    users.map(({ name, firstName, lastName }) => [name, firstName, lastName]),
    [
      ["Ada King Lovelace", "Ada King", "Lovelace"],
      ["Plato", "Plato", ""],
      ["c", "", ""],
      ["D", "D", ""],
      ["Two  blanks", "Two ", "blanks"],
    ],
  );
  const groups = await listGroups(sql);
  assert.deepEqual(
    groups.map(({ name }) => name),
    ["admins", "billing", "north", "technicians"],
  );
  assert.equal(new Set(groups.map(({ id }) => id)).size, 4);
});
