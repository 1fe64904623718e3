import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { updateConf } from "@hivematrix/lib/conf_file";
import { startTestPostgres, type TestPostgres } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { decodeJwt } from "jose";
import { copyCore, env, post, run } from "./process_testing.ts";
import { openFeed, type TestFeedOptions } from "./revocation_feed_testing.ts";
import { toHash } from "./session_store_testing.ts";
import { formatBasic, hashServiceSecret, type StartedCore, startCore } from "./testing.ts";
import { startTestProvider } from "./testing_provider.ts";

let postgres: TestPostgres;
const cleanUps: (() => unknown)[] = [];
before(async () => {
  postgres = await startTestPostgres(
    { after: (cleanUp) => cleanUps.unshift(cleanUp) },
    { own: true },
  );
});
after(async () => {
  for (const cleanUp of cleanUps) await cleanUp();
});

const hashOf = (token: string) => toHash(decodeJwt(token).jti ?? "");

/** Cores with one key and one database. */
async function startCores(t: TestContext, count = 2): Promise<StartedCore[]> {
  await postgres.sql`drop table if exists core_instances`;
  const connectionString = postgres.url;
  const cores = await Promise.all(
    Array.from({ length: count }, () => startCore(t, { connectionString })),
  );
  await waitFor(async () => (await listInstances()).length === count);
  return cores;
}

async function listInstances(): Promise<string[]> {
  const rows = await postgres.sql`select id from core_instances`.catch(() => []);
  return rows.map((row) => row["id"]);
}

const open = (t: TestContext, core: StartedCore | undefined, options?: TestFeedOptions) => {
  assert.ok(core);
  return openFeed(t, core.url, core.basicOf("nexus"), options);
};

async function timeRevoke(core: StartedCore | undefined, token: string) {
  const startedAt = performance.now();
  const response = await core?.post("/api/token/revoke", { token });
  const answeredAt = performance.now();
  return { status: response?.status, answeredAt, tookMs: answeredAt - startedAt };
}

test("R8: a revoke at one Core answers when the gateways of the other know too", async (t) => {
  const [a, b] = await startCores(t);
  const token = (await a?.signIn()) ?? "";
  const prompt = await open(t, a);
  const slow = await open(t, b, { acknowledges: false });
  await Promise.all([prompt.ping(), slow.ping()]);
  const revoke = timeRevoke(a, token);
  await waitFor(() => slow.revoked().length > 0);
  assert.deepEqual(slow.revoked(), [hashOf(token)]);
  let isAnswered = false;
  void revoke.then(() => {
    isAnswered = true;
  });
  await slow.ping();
  assert.ok(!isAnswered);
  slow.send({ ack: slow.messages.find(({ revoked }) => revoked)?.["id"] });
  const { status, tookMs } = await revoke;
  assert.equal(status, 200);
  assert.ok(tookMs < 2000, `${tookMs} ms`);
  assert.deepEqual(prompt.revoked(), [hashOf(token)], "told once");
});

test("R8: a gateway of the other Core that stands still holds the revoke for its lease", async (t) => {
  const [a, b] = await startCores(t);
  const token = (await a?.signIn()) ?? "";
  const feed = await open(t, b, { acknowledges: false });
  const leaseFrom = await feed.ping();
  const { status, answeredAt } = await timeRevoke(a, token);
  assert.equal(status, 200);
  assert.ok(answeredAt >= leaseFrom + 2000, `${answeredAt - leaseFrom} ms`);
});

test("R11: hundreds of sessions that end at once are told to the other Core's gateways", async (t) => {
  const [a, b] = await startCores(t);
  const feed = await open(t, b);
  await feed.ping();
  const token = (await a?.signIn()) ?? "";
  const checked = await a?.sessions.check(decodeJwt(token).jti ?? "");
  assert.ok(checked?.state === "live");
  for (let i = 0; i < 249; i++) await b?.sessions.create(checked.session.user, 3600);
  const response = await fetch(new URL("/api/sessions", a?.url), {
    method: "DELETE",
    headers: { authorization: `Bearer ${token}` },
  });
  const { ended } = (await response.json()) as { ended: number };
  assert.ok(ended >= 250);
  assert.ok(new Set(feed.revoked()).size >= 250);
});

test("R8: an instance that no longer counts on is waited out and buried", async (t) => {
  const [a] = await startCores(t, 1);
  const token = (await a?.signIn()) ?? "";
  await postgres.sql`insert into core_instances (id) values ('gone')`;
  const { status, tookMs } = await timeRevoke(a, token);
  assert.equal(status, 200);
  assert.ok(tookMs >= 2500 && tookMs < 6000, `${tookMs} ms`);
  assert.ok(!(await listInstances()).includes("gone"));
});

test("R8: an instance that counts on and never acknowledges is 503, and the session is over", async (t) => {
  const [a] = await startCores(t, 1);
  const token = (await a?.signIn()) ?? "";
  await postgres.sql`insert into core_instances (id) values ('deaf')`;
  const countOn = async () => {
    await postgres.sql`update core_instances set renewals = renewals + 1 where id = 'deaf'`;
  };
  const timer = setInterval(countOn, 300);
  const { status, tookMs } = await timeRevoke(a, token);
  clearInterval(timer);
  assert.equal(status, 503);
  assert.ok(tookMs >= 10_000 && tookMs < 13_000, `${tookMs} ms`);
  assert.equal((await a?.post("/api/token/validate", { token }))?.status, 401);
});

test("R8: a Core that loses its listening connection drops its feeds and begins anew", async (t) => {
  const [a, b] = await startCores(t);
  const token = (await a?.signIn()) ?? "";
  const feed = await open(t, b, { pingMs: 50 });
  await feed.ping();
  const before = new Set(await listInstances());
  await postgres.sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = 'hivematrix core instance' and datname = current_database()`;
  await waitFor(feed.isClosed);
  await waitFor(async () => (await listInstances()).filter((id) => !before.has(id)).length === 2);
  const next = await open(t, b);
  await next.ping();
  const { status } = await timeRevoke(a, token);
  assert.equal(status, 200);
  assert.deepEqual(next.revoked(), [hashOf(token)]);
  await waitFor(async () => (await listInstances()).length === 2, { what: "the old rows to go" });
});

test("R25: without PostgreSQL no lease is granted, and all is well when it is back", async (t) => {
  const [a, b] = await startCores(t);
  const feed = await open(t, b);
  await feed.ping();
  await postgres.kill();
  await waitFor(feed.isClosed);
  const without = await open(t, b, { pingMs: 20 });
  const token = "x";
  assert.equal((await a?.post("/api/token/revoke", { token }))?.status, 401);
  assert.ok(!without.messages.some(({ pong }) => pong !== undefined));
  await postgres.restart();
  await waitFor(async () => (await a?.get("/health"))?.ok);
  const signedIn = (await a?.signIn()) ?? "";
  const next = await open(t, b, { pingMs: 50 });
  await waitFor(() => next.messages.some(({ pong }) => pong !== undefined));
  assert.equal((await timeRevoke(a, signedIn)).status, 200);
  assert.ok(next.revoked().includes(hashOf(signedIn)));
});

const secret = "nexus-secret";

/** Two processes of Core over one database and one folder. */
async function runCores(t: TestContext) {
  await postgres.sql`drop table if exists core_instances`;
  const provider = await startTestProvider(t);
  const folder = copyCore(t, { ...env, KEYCLOAK_BACKEND_URL: provider.keycloak.backendUrl });
  const conf = updateConf("", {
    database: { connection_string: postgres.url },
    service_secrets: { nexus: hashServiceSecret(secret) },
  });
  writeFileSync(join(folder, "instance", "core.conf"), conf);
  const a = run(t, folder);
  const urlOfA = await a.listening();
  const b = run(t, folder);
  const urlOfB = await b.listening();
  await waitFor(async () => (await listInstances()).length === 2);
  const access_token = provider.giveAccessToken({ sub: "ada-sub" });
  const signIn = async () => {
    const response = await post(urlOfA, "/api/token/exchange", { access_token });
    return ((await response.json()) as { token: string }).token;
  };
  const feed = await openFeed(t, urlOfB, formatBasic("nexus", secret), { pingMs: 200 });
  await feed.ping();
  return { a, b, urlOfA, urlOfB, signIn, feed };
}

for (const signal of ["SIGKILL", "SIGSTOP"] as const) {
  test(`R8: with the other Core ended by ${signal}, a revoke answers when its leases are over`, async (t) => {
    const { b, urlOfA, signIn, feed } = await runCores(t);
    const token = await signIn();
    const leaseFrom = await feed.ping();
    b.process.kill(signal);
    const response = await post(urlOfA, "/api/token/revoke", { token });
    const answeredMs = performance.now() - leaseFrom;
    assert.equal(response.status, 200);
    assert.ok(answeredMs >= 2000 && answeredMs < 7000, `${answeredMs} ms`);
    assert.equal((await listInstances()).length, 1);
    if (signal === "SIGKILL") return;
    const pongs = feed.messages.filter(({ pong }) => pong !== undefined).length;
    b.process.kill("SIGCONT");
    await waitFor(feed.isClosed, { what: "it to notice that it was taken for dead" });
    assert.equal(feed.messages.filter(({ pong }) => pong !== undefined).length, pongs);
    await waitFor(async () => (await listInstances()).length === 2);
  });
}

test("a Core that stops leaves nobody waiting longer than its leases", async (t) => {
  const { b, urlOfA, signIn, feed } = await runCores(t);
  const token = await signIn();
  const leaseFrom = await feed.ping();
  b.process.kill("SIGTERM");
  assert.deepEqual(await b.exited, [0, null]);
  const response = await post(urlOfA, "/api/token/revoke", { token });
  const answeredMs = performance.now() - leaseFrom;
  assert.equal(response.status, 200);
  assert.ok(answeredMs >= 2000 && answeredMs < 7000, `${answeredMs} ms`);
});
