// The service as a process, started as the supervisor starts it.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import {
  startTestCore,
  startTestPostgres,
  type TestScope,
  testServiceSecret,
} from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { configure, copyService, startProcess } from "./process_testing.ts";

const scope: TestScope = { after };
const core = await startTestCore(scope);
const database = await startTestPostgres(scope);
const env = {
  SERVICE_NAME: "sample",
  PORT: "0",
  LOG_LEVEL: "info",
  SERVICE_SECRET: testServiceSecret,
  CORE_SERVICE_URL: core.url,
};

/** A configured copy of the service; settings that are undefined are left out. */
function prepare(t: TestScope, changes: Record<string, string | undefined> = {}, url?: string) {
  const folder = copyService(t, "sample");
  const all = Object.entries({ ...env, ...changes }).filter(([, value]) => value !== undefined);
  configure(folder, Object.fromEntries(all) as Record<string, string>, url);
  return folder;
}

test("a fresh start sets up its database, answers, and ends cleanly on SIGTERM", async (t) => {
  const service = startProcess(t, prepare(t, {}, database.url), "main.ts");
  const url = await service.logged("listening", "url");
  assert.equal(await service.logged("listening", "service"), "sample");
  assert.equal((await fetch(new URL("/health", url))).status, 200);

  const headers = { authorization: `Bearer ${await core.userToken({ name: "Grace" })}` };
  const page = await fetch(new URL("/sample/", url), { headers });
  assert.match(await page.text(), /Notes of Grace/);

  service.child.kill("SIGTERM");
  assert.equal(await service.ended, 0);
  await service.logged("stopped", "time");
  // Nothing but JSON lines, and no token among them.
  for (const line of service.output().trim().split("\n")) JSON.parse(line);
  assert.doesNotMatch(service.output(), /eyJ|test-service-secret/);
});

test("notes survive a restart", async (t) => {
  const folder = prepare(t, {}, database.url);
  const headers = {
    authorization: `Bearer ${await core.userToken({ sub: "restart-test" })}`,
    "content-type": "application/json",
  };
  const first = startProcess(t, folder, "main.ts");
  const body = JSON.stringify({ text: "still here" });
  const before = new URL("/api/notes", await first.logged("listening", "url"));
  assert.equal((await fetch(before, { method: "POST", headers, body })).status, 201);
  first.child.kill("SIGKILL");
  await first.ended;
  const second = startProcess(t, folder, "main.ts");
  const after = new URL("/api/notes", await second.logged("listening", "url"));
  assert.match(await (await fetch(after, { headers })).text(), /still here/);
});

for (const key of ["SERVICE_NAME", "PORT", "SERVICE_SECRET", "CORE_SERVICE_URL"]) {
  test(`without ${key} it ends at once and says what is missing, and the way to mend it`, async (t) => {
    const service = startProcess(t, prepare(t, { [key]: undefined }, database.url), "main.ts");
    assert.equal(await service.ended, 1);
    const message = `Cannot start sample: ${key} is missing in sample/.env, run \\"helm config sync-all\\"`;
    assert.ok(service.output().includes(message), service.output());
    assert.doesNotMatch(service.output(), /stack|node:internal/);
  });
}

test("without a database it ends at once and names the file", async (t) => {
  const service = startProcess(t, prepare(t), "main.ts");
  assert.equal(await service.ended, 1);
  assert.match(
    service.output(),
    /database\.connection_string is missing in sample\/instance\/sample\.conf/,
  );
});

test("a port that makes no sense, and one that is taken, are named", async (t) => {
  const wrong = startProcess(t, prepare(t, { PORT: "http" }, database.url), "main.ts");
  assert.equal(await wrong.ended, 1);
  assert.match(wrong.output(), /PORT is \\"http\\", which is no whole number from 0 to 65535/);
  const taken = startProcess(
    t,
    prepare(t, { PORT: new URL(core.url).port }, database.url),
    "main.ts",
  );
  assert.equal(await taken.ended, 1);
  assert.match(taken.output(), new RegExp(`port \\d+ is taken by process ${process.pid} `));
});

test("R25: without its database it answers 503 with Retry-After, and recovers by itself", async (t) => {
  const own = await startTestPostgres(t, { own: true });
  const service = startProcess(t, prepare(t, {}, own.url), "main.ts");
  const url = await service.logged("listening", "url");
  const headers = { authorization: `Bearer ${await core.userToken()}` };
  const statusOf = async (path: string) => (await fetch(new URL(path, url), { headers })).status;
  assert.equal(await statusOf("/"), 200);

  await own.kill();
  const answer = await fetch(url, { headers });
  assert.equal(answer.status, 503);
  assert.ok(Number(answer.headers.get("retry-after")) > 0);
  assert.doesNotMatch(await answer.text(), /ECONN|postgres|stack/i);
  assert.equal(await statusOf("/health"), 503);

  await own.restart();
  await waitFor(async () => (await statusOf("/")) === 200);
  assert.equal(await statusOf("/health"), 200);
});

test("a token is refused with 503 while Core is away, never let in", async (t) => {
  const closers: (() => unknown)[] = [];
  const gone = await startTestCore({ after: (close) => void closers.push(close) });
  const token = await gone.userToken();
  for (const close of closers) await close();
  const folder = prepare(t, { CORE_SERVICE_URL: gone.url }, database.url);
  const service = startProcess(t, folder, "main.ts");
  const url = await service.logged("listening", "url");
  const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  assert.equal(answer.status, 503);
  assert.ok(Number(answer.headers.get("retry-after")) > 0);
});
test("the command init_db.ts sets up the database and ends", async (t) => {
  const fresh = await startTestPostgres(t);
  const command = startProcess(t, prepare(t, {}, fresh.url), "init_db.ts");
  assert.equal(await command.ended, 0);
  assert.deepEqual([...(await fresh.sql`select count(*)::int as notes from note`)], [{ notes: 0 }]);
});
