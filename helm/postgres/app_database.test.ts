import assert from "node:assert/strict";
import test, { after } from "node:test";
import { waitFor } from "@hivematrix/lib/wait_for";
import type { Sql } from "postgres";
import { type AppDatabase, dropAppDatabase, ensureAppDatabase } from "./app_database.ts";
import { startEmbeddedServer } from "./testing.ts";

const server = await startEmbeddedServer({ after });
const { admin, connect } = server;

/** A name of its own for each test, because all share the server. */
const app = (name: string): AppDatabase => ({
  database: `${name}_db`,
  user: `${name}_user`,
  password: `password-of-${name}`,
});

test("R32: an app's role connects to its own database and to no other one", async () => {
  const [a, b] = [app("first"), app("second")];
  await ensureAppDatabase(admin, a);
  await ensureAppDatabase(admin, b);
  for (const database of [b.database, "postgres", "template1"]) {
    await assert.rejects(connect({ ...a, database })`select 1`, (error: Error) => {
      assert.match(error.message, /permission denied for database/, database);
      return true;
    });
  }
  const own = connect(a);
  await own`create table note (text text)`;
  await own`insert into note values ('mine')`;
  assert.equal((await own`select text from note`)[0]?.["text"], "mine");
});

test("an app's role owns its database and its schema, and has no power beyond", async () => {
  const own = app("powers");
  await ensureAppDatabase(admin, own);
  const sql = connect(own);
  const [role] = await sql`
    select rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls
    from pg_roles where rolname = current_user`;
  assert.ok(Object.values({ ...role }).every((power) => power === false));
  const [owners] = await sql`
    select (select pg_get_userbyid(datdba) from pg_database where datname = current_database()) as db,
           (select pg_get_userbyid(nspowner) from pg_namespace where nspname = 'public') as public`;
  assert.deepEqual({ ...owners }, { db: own.user, public: own.user });
  await assert.rejects(sql`create database more`, /permission denied/);
  await assert.rejects(sql`create role more`, /permission denied/);
});

test("repeating it changes nothing and keeps the data", async () => {
  const own = app("repeated");
  await ensureAppDatabase(admin, own);
  const sql = connect(own);
  await sql`create table kept (text text)`;
  const before = await verifierOf(admin, own.user);
  await ensureAppDatabase(admin, own);
  assert.equal(await verifierOf(admin, own.user), before);
  assert.equal((await sql`select * from kept`).length, 0);
});

test("a changed password is the one that counts from then on", async () => {
  const own = app("changed");
  await ensureAppDatabase(admin, own);
  const changed = { ...own, password: "another one, with 'quotes' and ü" };
  await ensureAppDatabase(admin, changed);
  await assert.rejects(connect(own)`select 1`, { code: "28P01" });
  assert.equal((await connect(changed)`select 1`).length, 1);
});

test("several apps at once get their databases", async () => {
  const apps = ["at_once_1", "at_once_2", "at_once_3", "at_once_4"].map(app);
  const admins = apps.map(() =>
    connect({ user: "postgres", password: server.password, database: "postgres" }),
  );
  // The last one twice: two Helms that install the same app.
  const all = [...apps, apps.at(-1) as AppDatabase];
  await Promise.all(all.map((each, index) => ensureAppDatabase(admins[index] ?? admin, each)));
  for (const each of apps) assert.equal((await connect(each)`select 1`).length, 1);
});

test("a database that somebody else made is handed over to the app", async () => {
  const own = app("handed");
  await admin.unsafe(`create database ${own.database} template template0`);
  await ensureAppDatabase(admin, own);
  await connect(own)`create table note (text text)`;
});

test("on somebody else's server a role that is no superuser is enough, and their databases stay open", async () => {
  await admin.unsafe("create role hoster login createdb createrole password 'hoster'");
  await admin.unsafe("create role guest login password 'guest'");
  await admin.unsafe("create database hosted owner hoster template template0");
  await admin.unsafe("grant connect on database postgres to public");
  const hoster = connect({ user: "hoster", password: "hoster", database: "hosted" });
  const own = app("hosted_app");
  for (let round = 0; round < 2; round++) {
    await ensureAppDatabase(hoster, own, { isExternal: true });
    await connect(own)`create table ${admin(`note_${round}`)} (text text)`;
  }
  const guest = { user: "guest", password: "guest" };
  await assert.rejects(
    connect({ ...guest, database: own.database })`select 1`,
    /permission denied/,
  );
  assert.equal((await connect({ ...guest, database: "postgres" })`select 1`).length, 1);
  await dropAppDatabase(hoster, own);
});

test("a dropped app leaves neither database nor role, also while it is connected", async () => {
  const own = app("dropped");
  await ensureAppDatabase(admin, own);
  const sql = connect(own);
  await sql`select 1`;
  await dropAppDatabase(admin, own);
  const [left] = await admin`
    select (select count(*) from pg_roles where rolname = ${own.user}) +
           (select count(*) from pg_database where datname = ${own.database}) as count`;
  assert.equal(left?.["count"], "0");
  await dropAppDatabase(admin, own);
});

test("R31: an app's password is in no log of the server, even when that logs every statement", async () => {
  const own = app("logged");
  await admin.unsafe("alter system set log_statement = 'all'");
  await admin`select pg_reload_conf()`;
  const isLogging = async () => (await admin`show log_statement`)[0]?.["log_statement"] === "all";
  await waitFor(isLogging, { what: "the server to log every statement" });
  await ensureAppDatabase(admin, own);
  await ensureAppDatabase(admin, { ...own, password: `${own.password}-changed` });
  await admin.unsafe("alter system reset log_statement");
  await admin`select pg_reload_conf()`;
  const log = await server.readLog();
  assert.match(log, /create role "logged_user"/);
  assert.ok(!log.includes(own.password));
});

test("names that could be more than a name are refused", async () => {
  const bad = ["", "a b", 'x"; drop role postgres; --', "ümlaut", "pg_x", "postgres", "template1"];
  for (const name of [...bad, "X", "1st", "x".repeat(64)]) {
    const own = app("named");
    await assert.rejects(ensureAppDatabase(admin, { ...own, user: name }), /Cannot use/, name);
    await assert.rejects(ensureAppDatabase(admin, { ...own, database: name }), /Cannot use/, name);
    await assert.rejects(dropAppDatabase(admin, { ...own, database: name }), /Cannot use/, name);
  }
});

test("a superuser is not made into an app's role", async () => {
  await admin.unsafe("create role boss superuser login password 'boss'");
  await assert.rejects(
    ensureAppDatabase(admin, { ...app("boss"), user: "boss" }),
    /Cannot make role "boss" for an app: it is a superuser/,
  );
});

async function verifierOf(sql: Sql, user: string): Promise<unknown> {
  const [role] = await sql`select rolpassword from pg_authid where rolname = ${user}`;
  return role?.["rolpassword"];
}
