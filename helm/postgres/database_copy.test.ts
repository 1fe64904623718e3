import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestPostgres } from "@hivematrix/lib/testing";
import postgres from "postgres";
import { copyDatabase, restoreDatabase } from "./database_copy.ts";

test("a copy holds what the database held, and can take its place", async (t) => {
  const { sql: admin, url } = await startTestPostgres(t, { own: true });
  await admin.unsafe("create role app login");
  await admin.unsafe("create database app_db owner app");
  const open = (name: string) => {
    const sql = postgres(Object.assign(new URL(url), { pathname: `/${name}` }).href, {
      max: 1,
      onnotice: () => {},
    });
    t.after(() => sql.end({ timeout: 0 }));
    return sql;
  };
  // Stays connected: it must not be in the way.
  const first = open("app_db");
  await first`create table words (word text)`;
  await first`insert into words values ('before')`;

  await copyDatabase(admin, { from: "app_db", to: "app_db_copy", owner: "app" });
  await open("app_db")`insert into words values ('after')`;
  const [rights] = await admin`
    select has_database_privilege('public', 'app_db_copy', 'connect') as public`;
  assert.equal(rights?.["public"], false);

  const names = { name: "app_db", copy: "app_db_copy", keepAs: "app_db_newer" };
  await restoreDatabase(admin, names);
  const words = async (name: string) =>
    (await open(name)`select word from words`).map((r) => r["word"]);
  assert.deepEqual(await words("app_db"), ["before"]);
  assert.deepEqual(await words("app_db_newer"), ["before", "after"]);
  await assert.rejects(restoreDatabase(admin, names), { message: /no database app_db_copy/ });
  assert.deepEqual(await words("app_db"), ["before"]);
});

test("a name that could become more than a name is refused", async (t) => {
  const { sql } = await startTestPostgres(t);
  const wrong = { from: 'a"; drop database b; --', to: "b", owner: "c" };
  await assert.rejects(copyDatabase(sql, wrong), { message: /no plain name/ });
});
