import assert from "node:assert/strict";
import { test } from "node:test";
import { createTestLog, startTestPostgres } from "@hivematrix/lib/testing";
import { EmbeddedAccounts } from "./embedded_accounts.ts";
import { prepareDatabase, readFirstUser, whenDatabaseIsThere } from "./first_start.ts";

const firstUser = {
  username: "admin",
  password: "admin",
  email: "admin@example.org",
  name: "Administrator",
};

test("the first start makes the first user, in group admins", async (t) => {
  const { sql } = await startTestPostgres(t);
  const accounts = new EmbeddedAccounts(sql);
  const log = createTestLog("keycloak");
  await prepareDatabase(sql, accounts, { firstUser, log });
  const [admin, ...others] = await accounts.list();
  assert.deepEqual(others, []);
  assert.deepEqual(
    [admin?.username, admin?.name, admin?.groups],
    ["admin", "Administrator", ["admins"]],
  );
  assert.ok(await accounts.checkPassword("admin", "admin"));
  assert.ok(!log.lines.join("").includes('"admin":'), "no password in the log");
});

test("a later start changes no password and makes no second user", async (t) => {
  const { sql } = await startTestPostgres(t);
  const accounts = new EmbeddedAccounts(sql);
  const log = createTestLog("keycloak");
  await prepareDatabase(sql, accounts, { firstUser, log });
  const [admin] = await accounts.list();
  await accounts.setPassword(admin?.id ?? "", "changed");
  const changed = { ...firstUser, username: "root", password: "reset" };
  await prepareDatabase(sql, accounts, { firstUser: changed, log });
  assert.deepEqual(
    (await accounts.list()).map(({ username }) => username),
    ["admin"],
  );
  assert.ok(await accounts.checkPassword("admin", "changed"));
});

test("without a first user in the configuration the realm starts empty", async (t) => {
  const { sql } = await startTestPostgres(t);
  const accounts = new EmbeddedAccounts(sql);
  await prepareDatabase(sql, accounts, { firstUser: undefined, log: createTestLog() });
  assert.deepEqual(await accounts.list(), []);
});

test("work waits for a database that is away, with growing delays, and is done once it is there", async () => {
  const log = createTestLog();
  let attempts = 0;
  const work = async () => {
    attempts++;
    if (attempts < 4) throw Object.assign(new Error("away"), { code: "ECONNREFUSED" });
  };
  await whenDatabaseIsThere(work, { log, signal: new AbortController().signal });
  const delays = log.lines.map((line) => JSON.parse(line).delay_ms);
  assert.deepEqual(delays, [100, 200, 400]);
});

test("work that fails for another reason is not tried again", async () => {
  const work = () => Promise.reject(new Error("syntax error"));
  const { signal } = new AbortController();
  await assert.rejects(whenDatabaseIsThere(work, { log: createTestLog(), signal }), /syntax error/);
});

test("the wait ends when the service stops", async () => {
  const stopping = new AbortController();
  const work = () => {
    stopping.abort();
    return Promise.reject(Object.assign(new Error("away"), { code: "ECONNREFUSED" }));
  };
  await whenDatabaseIsThere(work, { log: createTestLog(), signal: stopping.signal });
});

test("half a first user in the configuration stops the start", () => {
  const user = { "first_user.username": "admin", "first_user.password": "admin" };
  assert.deepEqual(readFirstUser(user), {
    username: "admin",
    password: "admin",
    email: undefined,
    name: undefined,
  });
  assert.equal(readFirstUser({}), undefined);
  const half = { "first_user.username": "admin" };
  assert.throws(() => readFirstUser(half), { message: /first_user\.password is missing/ });
  assert.throws(
    () => readFirstUser({ "first_user.password": "x" }),
    /first_user\.username is missing/,
  );
});
