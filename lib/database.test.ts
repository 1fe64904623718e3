import assert from "node:assert/strict";
import { after, test } from "node:test";
import { connectDatabase } from "./database.ts";
import { databaseIsAway } from "./database_errors.ts";
import { findFreePort } from "./postgres_testing.ts";
import { router } from "./router.ts";
import { createTestLog, startTestPostgres } from "./testing.ts";
import { waitFor } from "./wait_for.ts";

const server = await startTestPostgres({ after }, { own: true });

function connect(url = server.url) {
  const log = createTestLog();
  const sql = connectDatabase(url, { log, max: 2 });
  after(() => sql.end({ timeout: 0 }));
  return { sql, log };
}

const caught = (promise: Promise<unknown>) =>
  promise.then(
    () => assert.fail("succeeded"),
    (error: unknown) => error,
  );

test("R25: a database that is killed costs 503 while it is gone, and comes back by itself", async () => {
  const { sql, log } = connect();
  const countNotes = async () => Response.json(await sql`SELECT 1 AS one`);
  const handle = router([{ method: "GET", path: "/notes", handler: countNotes }], {
    service: "codex",
    log,
  });
  const ask = () => handle(new Request("http://h/notes"));
  assert.equal((await ask()).status, 200);

  const underWay = Promise.all([1, 2].map(() => caught(sql`SELECT pg_sleep(60)`)));
  await waitFor(async () => {
    const [row] = await server.sql`SELECT count(*)::int AS n FROM pg_stat_activity
      WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'`;
    return row?.["n"] === 2;
  });
  await server.kill();
  for (const error of await underWay) assert(databaseIsAway(error), String(error));
  for (const _ of [1, 2, 3]) {
    const response = await ask();
    assert.equal(response.status, 503);
    assert.match(response.headers.get("retry-after") ?? "", /^[1-9]/);
  }

  await server.restart();
  await waitFor(async () => (await ask()).status === 200);
});

test("a stopped database (57P01) and one that is starting are away, too", async () => {
  const { sql } = connect();
  const waiting = caught(sql`SELECT pg_sleep(61)`);
  await waitFor(async () => {
    const ended = await server.sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE query = 'SELECT pg_sleep(61)' AND state = 'active'`;
    return ended.length > 0;
  });
  assert(databaseIsAway(await waiting));
});

test("a service starts without its database", async () => {
  const port = await findFreePort();
  const { sql } = connect(`postgresql://u:p@127.0.0.1:${port}/d`);
  assert(databaseIsAway(await caught(sql`SELECT 1`)));
  assert(databaseIsAway(await caught(sql`SELECT 1`)));
});

test("a query that is wrong is not a database that is away", async () => {
  const { sql } = connect();
  assert.equal(databaseIsAway(await caught(sql`SELECT nothing FROM nowhere`)), false);
  const missing = connect(server.url.replace(/\/[^/]*$/, "/no_such_database"));
  assert.equal(databaseIsAway(await caught(missing.sql`SELECT 1`)), false);
});

test("a pool that was closed is away", async () => {
  const { sql } = connect();
  await sql`SELECT 1`;
  await sql.end();
  assert(databaseIsAway(await caught(sql`SELECT 1`)));
});

test("no more connections than were asked for, under a name that an admin can read", async () => {
  const { sql } = connect();
  await Promise.all([1, 2, 3, 4].map(() => sql`SELECT pg_sleep(0.05)`));
  const [row] = await server.sql`SELECT count(*)::int AS n FROM pg_stat_activity
    WHERE application_name = 'hivematrix' AND query LIKE 'SELECT pg_sleep(0.05)%'`;
  assert.equal(row?.["n"], 2);
});

test("notices go to the log instead of the console", async () => {
  const { sql, log } = connect();
  await sql`DROP TABLE IF EXISTS nothing_here`;
  assert.match(log.lines.join(), /"debug".*"database notice".*nothing_here.*does not exist/);
});

for (const [error, isAway] of [
  [Object.assign(new Error(), { code: "53300" }), true],
  [Object.assign(new Error(), { code: "08006" }), true],
  [Object.assign(new Error(), { code: "ENOTFOUND" }), true],
  [new AggregateError([Object.assign(new Error(), { code: "ECONNREFUSED" })]), true],
  [new AggregateError([new Error()]), false],
  [Object.assign(new Error(), { code: "23505" }), false],
  [Object.assign(new Error(), { code: "080061" }), false],
  [new Error("ECONNREFUSED"), false],
  [{ code: "ECONNREFUSED" }, false],
  [undefined, false],
] as const) {
  const code = (error as { code?: string } | undefined)?.code;
  test(`${String(error)} (${code}) is ${isAway ? "" : "not "}a database that is away`, () => {
    assert.equal(databaseIsAway(error), isAway);
  });
}
