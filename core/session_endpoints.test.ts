import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeJwt } from "jose";
import { openFeed } from "./revocation_feed_testing.ts";
import { createTestClock, toHash } from "./session_store_testing.ts";
import { adaUserinfo, formatBasic, type StartedCore, startCore } from "./testing.ts";

const admin = { ...adaUserinfo, sub: "root-sub", preferred_username: "root", groups: ["admins"] };
const grace = { ...adaUserinfo, sub: "grace-sub", preferred_username: "grace" };

interface Listed {
  readonly sessions: readonly Record<string, unknown>[];
  readonly truncated?: boolean;
}

const bearer = (token: string) => `Bearer ${token}`;
const idOf = (token: string) => toHash(decodeJwt(token).jti ?? "");

const ask = (core: StartedCore, method: string, path: string, authorization?: string) =>
  fetch(new URL(path, core.url), {
    method,
    headers: authorization === undefined ? {} : { authorization },
  });

async function list(core: StartedCore, authorization: string, query = ""): Promise<Listed> {
  const response = await ask(core, "GET", `/api/sessions${query}`, authorization);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("cache-control"), "no-store");
  return (await response.json()) as Listed;
}

const isValid = async (core: StartedCore, token: string) =>
  (await core.post("/api/token/validate", { token })).status === 200;

const startWithHelm = (t: Parameters<typeof startCore>[0]) =>
  startCore(t, { services: ["template", "codex", "helm"] });

test("R11: a person sees their own sessions, with device, times, and which one this is", async (t) => {
  const clock = createTestClock();
  const core = await startCore(t, { now: clock.now });
  const device = { user_agent: `Firefox ${"x".repeat(400)}`, address: "192.0.2.7" };
  const token = await core.signIn(adaUserinfo, device);
  clock.advance(1);
  const other = await core.signIn();
  await core.signIn(grace);
  const { sessions, truncated } = await list(core, bearer(token));
  assert.equal(truncated, undefined);
  assert.deepEqual(
    sessions.map(({ id, current }) => [id, current]),
    [
      [idOf(other), false],
      [idOf(token), true],
    ],
  );
  assert.deepEqual(sessions[1], {
    id: idOf(token),
    sub: "ada-sub",
    name: "Ada Lovelace",
    preferred_username: "ada",
    permission_level: "technician",
    created_at: "2027-01-15T08:00:00.000Z",
    last_seen_at: "2027-01-15T08:00:00.000Z",
    expires_at: "2027-01-15T09:00:00.000Z",
    user_agent: device.user_agent.slice(0, 300),
    address: "192.0.2.7",
    current: true,
  });
  assert.ok(!JSON.stringify(sessions).includes(decodeJwt(token).jti ?? "?"), "no session id in it");
});

test("R11: administrators and Helm see everybody's sessions, others do not", async (t) => {
  const core = await startWithHelm(t);
  const ada = await core.signIn();
  const root = await core.signIn(admin);
  const helm = core.basicOf("helm");
  for (const authorization of [bearer(root), helm]) {
    assert.equal((await list(core, authorization, "?all=1")).sessions.length, 2);
    const { sessions } = await list(core, authorization, "?sub=ada-sub");
    assert.deepEqual(
      sessions.map(({ sub }) => sub),
      ["ada-sub"],
    );
  }
  assert.equal((await list(core, bearer(root))).sessions.length, 1);
  assert.equal((await list(core, bearer(ada), "?sub=ada-sub")).sessions.length, 1);
  for (const query of ["?all=1", "?sub=root-sub"]) {
    assert.equal((await ask(core, "GET", `/api/sessions${query}`, bearer(ada))).status, 403);
  }
  assert.equal((await ask(core, "GET", "/api/sessions", helm)).status, 400);
});

test("R11: everybody's sessions are searched by a person's name", async (t) => {
  const core = await startWithHelm(t);
  const ada = await core.signIn();
  await core.signIn({ ...grace, name: "Grace Hopper", email: "grace@example.org" });
  const helm = core.basicOf("helm");
  const subsOf = async (query: string) =>
    (await list(core, helm, query)).sessions.map(({ sub }) => sub);
  assert.deepEqual(await subsOf("?all=1&search=HOPP"), ["grace-sub"]);
  assert.deepEqual(await subsOf("?all=1&search=nobody"), []);
  assert.equal((await subsOf("?all=1&search=+")).length, 2);
  assert.equal((await ask(core, "GET", "/api/sessions?all=1&search=%00", helm)).status, 400);
  const byAda = await ask(core, "GET", "/api/sessions?all=1&search=ada", bearer(ada));
  assert.equal(byAda.status, 403);
});

test("nobody without a live session or Helm's credential gets anything", async (t) => {
  const core = await startWithHelm(t);
  const revoked = await core.signIn(admin);
  await core.post("/api/token/revoke", { token: revoked });
  const victim = await core.signIn();
  const cases: readonly (readonly [status: number, authorization: string | undefined])[] = [
    [401, undefined],
    [401, bearer(revoked)],
    [401, bearer(`${victim}x`)],
    [401, bearer(await core.tokens.mintServiceToken("helm", "core"))],
    [401, formatBasic("helm", "wrong")],
    [403, core.basicOf("codex")],
    [403, core.basicOf("nexus")],
  ];
  for (const [status, authorization] of cases) {
    const asked = [
      ask(core, "GET", "/api/sessions?all=1", authorization),
      ask(core, "DELETE", "/api/sessions?sub=ada-sub", authorization),
      ask(core, "DELETE", `/api/sessions/${idOf(victim)}`, authorization),
    ];
    for (const response of await Promise.all(asked)) assert.equal(response.status, status);
  }
  assert.ok(await isValid(core, victim));
});

test("R11: a person ends one of their sessions, and the gateways know when it is answered", async (t) => {
  const core = await startCore(t);
  const feed = await openFeed(t, core.url, core.basicOf("nexus"));
  const token = await core.signIn();
  const other = await core.signIn(adaUserinfo, { refresh_token: "r" });
  const response = await ask(core, "DELETE", `/api/sessions/${idOf(other)}`, bearer(token));
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { ended: 1 });
  assert.deepEqual(feed.revoked(), [idOf(other)]);
  const again = await ask(core, "DELETE", `/api/sessions/${idOf(other)}`, bearer(token));
  assert.deepEqual(await again.json(), { ended: 0 }, "what is over cannot end, but is announced");
  assert.equal(feed.revoked().length, 2);
  assert.ok(!(await isValid(core, other)));
  assert.ok(await isValid(core, token));
  assert.equal(core.provider.logouts.length, 1);
});

test("R11: somebody else's session looks like none, except to administrators", async (t) => {
  const core = await startCore(t);
  const ada = await core.signIn();
  const other = await core.signIn(grace);
  const answers = [];
  for (const id of [idOf(other), "0".repeat(64), "x", "%00", `${idOf(ada).toUpperCase()}`]) {
    const response = await ask(core, "DELETE", `/api/sessions/${id}`, bearer(ada));
    answers.push(`${response.status} ${((await response.json()) as { detail: string }).detail}`);
  }
  assert.equal(new Set(answers).size, 1, answers.join("\n"));
  assert.match(answers[0] ?? "", /^404/);
  assert.ok(await isValid(core, other));
  const root = await core.signIn(admin);
  const response = await ask(core, "DELETE", `/api/sessions/${idOf(other)}`, bearer(root));
  assert.equal(response.status, 200);
  assert.ok(!(await isValid(core, other)));
});

test("R11: a person ends all other sessions, or all", async (t) => {
  const core = await startCore(t);
  const token = await core.signIn();
  const others = [await core.signIn(), await core.signIn()];
  const foreign = await core.signIn(grace);
  const end = async (query: string) => {
    const response = await ask(core, "DELETE", `/api/sessions${query}`, bearer(token));
    return [response.status, await response.json()];
  };
  assert.equal((await end("?sub=grace-sub"))[0], 403);
  assert.deepEqual(await end("?except=current"), [200, { ended: 2 }]);
  for (const other of others) assert.ok(!(await isValid(core, other)));
  assert.ok(await isValid(core, token));
  assert.deepEqual(await end(""), [200, { ended: 1 }]);
  assert.ok(!(await isValid(core, token)));
  assert.ok(await isValid(core, foreign));
});

test("R11: Helm ends all sessions of one person", async (t) => {
  const core = await startWithHelm(t);
  const token = await core.signIn();
  const foreign = await core.signIn(grace);
  const helm = core.basicOf("helm");
  assert.equal((await ask(core, "DELETE", "/api/sessions", helm)).status, 400);
  const response = await ask(core, "DELETE", "/api/sessions?sub=ada-sub", helm);
  assert.deepEqual(await response.json(), { ended: 1 });
  assert.ok(!(await isValid(core, token)));
  assert.ok(await isValid(core, foreign));
});

test("a list too long for a page says so", async (t) => {
  const core = await startCore(t);
  const token = await core.signIn();
  const checked = await core.sessions.check(decodeJwt(token).jti ?? "");
  assert.equal(checked.state, "live");
  if (checked.state !== "live") return;
  for (let i = 0; i < 1000; i++) await core.sessions.create(checked.session.user, 60);
  const { sessions, truncated } = await list(core, bearer(token));
  assert.equal(sessions.length, 1000);
  assert.equal(truncated, true);
});
