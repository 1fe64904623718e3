import assert from "node:assert/strict";
import { test } from "node:test";
import { connectDatabase } from "@hivematrix/lib/database";
import { createTestLog, startTestPostgres, type TestScope } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { decodeJwt } from "jose";
import { PostgresSessionStore } from "./postgres_session_store.ts";
import { coreRoutes } from "./routes.ts";
import { adaUserinfo, formatBasic, type StartedCore, startCore } from "./testing.ts";

async function startCoreOnPostgres(scope: TestScope) {
  const postgres = await startTestPostgres(scope, { own: true });
  const log = createTestLog("core");
  const sql = connectDatabase(postgres.url, { log });
  const sessions = new PostgresSessionStore(sql, { secretKey: "a secret key", log });
  scope.after(() => sessions.close());
  return { postgres, core: await startCore(scope, { sessions }) };
}

test("R20: a token of one kind opens no door of another kind", async (t) => {
  const core = await startCore(t);
  const { provider } = core;
  const kinds = {
    user: await core.signIn(),
    service: await core.tokens.mintServiceToken("template", "core"),
    "ID token": await provider.giveIdToken("ada-sub"),
    "access token": provider.giveAccessToken(adaUserinfo),
    personal: "hm_pat_0123456789abcdef0123456789abcdef",
  };
  const service = { calling_service: "template", target_service: "codex" };
  const askForServiceToken = (authorization: string) =>
    core.post("/service-token", service, { authorization });
  const doors = {
    exchange: (token: string) => core.post("/api/token/exchange", { access_token: token }),
    validate: (token: string) => core.post("/api/token/validate", { token }),
    revoke: (token: string) => core.post("/api/token/revoke", { token }),
    "service token as Bearer": (token: string) => askForServiceToken(`Bearer ${token}`),
    "service token as Basic": (token: string) => askForServiceToken(formatBasic("template", token)),
  };
  const statuses: Record<string, Record<string, number>> = {};
  for (const [door, knock] of Object.entries(doors)) {
    statuses[door] = {};
    for (const [kind, token] of Object.entries(kinds)) {
      statuses[door][kind] = (await knock(token)).status;
    }
  }
  const nobody = {
    user: 401,
    service: 401,
    "ID token": 401,
    "access token": 401,
    personal: 401,
  };
  assert.deepEqual(statuses, {
    exchange: { ...nobody, "access token": 200 },
    validate: { ...nobody, user: 200 },
    revoke: { ...nobody, user: 200 },
    "service token as Bearer": nobody,
    "service token as Basic": nobody,
  });
});

test("R20: a service token opens none of Core's doors, whichever service it is for", async (t) => {
  const core = await startCore(t);
  for (const target of ["core", "codex", "template"]) {
    const token = await core.tokens.mintServiceToken("template", target);
    for (const path of ["/api/token/validate", "/api/token/revoke"]) {
      assert.equal((await core.post(path, { token })).status, 401, `${path} for ${target}`);
    }
  }
});

test("R22: without a credential or token only the keys and the health are answered", async (t) => {
  const core = await startCore(t);
  const open: string[] = [];
  for (const { method, path } of coreRoutes(core)) {
    const response = method === "GET" ? await core.get(path) : await core.post(path, {});
    if (response.ok) open.push(path);
    else assert.ok(response.status >= 400 && response.status < 500, `${path} ${response.status}`);
  }
  assert.deepEqual(open.sort(), ["/.well-known/jwks.json", "/health"]);
});

test("R28: a method that an endpoint does not have is refused, with those that it has", async (t) => {
  const core = await startCore(t);
  for (const { method, path } of coreRoutes(core)) {
    const response = await fetch(new URL(path, core.url), { method: "PATCH" });
    assert.equal(response.status, 405, path);
    assert.match(response.headers.get("allow") ?? "", new RegExp(method));
  }
});

test("health is ok with a store that can be read", async (t) => {
  const core = await startCore(t);
  const response = await core.get("/health");
  assert.equal(response.status, 200);
  const health = (await response.json()) as { status: string; service: string };
  assert.equal(health.status, "ok");
  assert.equal(health.service, "core");
});

test("R25: with PostgreSQL gone, what needs it is 503 with Retry-After, the rest works, and all heals", async (t) => {
  const { core, postgres } = await startCoreOnPostgres(t);
  const token = await core.signIn();
  const revoked = await core.signIn();
  assert.equal((await core.post("/api/token/revoke", { token: revoked })).status, 200);
  await postgres.kill();

  const access_token = core.provider.giveAccessToken(adaUserinfo);
  const requests: readonly (readonly [path: string, body: object])[] = [
    ["/api/token/exchange", { access_token }],
    ["/api/token/validate", { token }],
    ["/api/token/revoke", { token }],
  ];
  for (const [path, body] of requests) {
    const response = await core.post(path, body);
    assert.equal(response.status, 503, path);
    assert.ok(Number(response.headers.get("retry-after")) > 0, path);
    const problem = (await response.json()) as Record<string, string>;
    // Nothing of the cause goes out; the id leads to it in the log.
    const { request_id, ...others } = problem;
    assert.deepEqual(others, {
      type: "about:blank",
      title: "Service Unavailable",
      status: 503,
      detail: "Sessions cannot be read at the moment, please try again",
    });
    const line = core.logLines.find((text) => text.includes(`"request_id":"${request_id}"`));
    assert.match(line ?? "", /ECONNREFUSED|CONNECTION/);
  }
  assert.equal((await core.get("/health")).status, 503);
  assert.equal((await core.get("/.well-known/jwks.json")).status, 200);
  const authorization = core.basicOf("template");
  const service = { calling_service: "template", target_service: "codex" };
  assert.equal((await core.post("/service-token", service, { authorization })).status, 200);
  // A token that is bad in itself needs no session to be judged.
  assert.equal((await core.post("/api/token/validate", { token: "garbage" })).status, 401);

  await postgres.restart();
  await waitFor(async () => (await core.get("/health")).ok);
  assert.equal((await core.post("/api/token/validate", { token })).status, 200);
  assert.equal((await core.post("/api/token/validate", { token: revoked })).status, 401);
  assert.equal((await core.post("/api/token/revoke", { token })).status, 200);
});

test("a session on PostgreSQL survives a restart of Core", async (t) => {
  const { core, postgres } = await startCoreOnPostgres(t);
  const token = await core.signIn(adaUserinfo, { refresh_token: "kept-across-the-restart" });
  await core.close();
  const log = createTestLog("core");
  const sql = connectDatabase(postgres.url, { log });
  const sessions = new PostgresSessionStore(sql, { secretKey: "a secret key", log });
  t.after(() => sessions.close());
  const next = await startCore(t, { sessions });
  assert.equal((await next.post("/api/token/validate", { token })).status, 200);
  assert.equal((await next.post("/api/token/revoke", { token })).status, 200);
  assert.equal(next.provider.logouts[0]?.["refresh_token"], "kept-across-the-restart");
});

test("no endpoint answers rubbish with anything but a clear 4xx", async (t) => {
  const core = await startCore(t);
  const token = await core.signIn();
  const bodies = [
    "",
    "{",
    "[]",
    "7",
    "null",
    '"text"',
    "{}",
    '{"__proto__":{"token":"x"}}',
    JSON.stringify({ token: { $gt: "" }, access_token: [], calling_service: {} }),
    JSON.stringify({ token: `${token}\u0000` }),
    JSON.stringify({ token: `${token} ` }),
    JSON.stringify({ token: "x".repeat(60_000), access_token: "x".repeat(60_000) }),
    `${"[".repeat(30_000)}`,
    "\ufeff{}",
  ];
  for (const { method, path } of coreRoutes(core)) {
    if (method !== "POST") continue;
    for (const body of bodies) await assertClear(core, path, body);
  }
  const { jti = "" } = decodeJwt(token);
  assert.equal((await core.sessions.check(jti)).state, "live");
});

async function assertClear(core: StartedCore, path: string, body: string): Promise<void> {
  const authorization = core.basicOf("template");
  const headers: Record<string, string> = path === "/service-token" ? { authorization } : {};
  const response = await core.post(path, body, headers);
  const what = `${path} ${body.slice(0, 60)}: ${response.status}`;
  assert.ok(response.status >= 400 && response.status < 500, what);
  assert.doesNotMatch(await response.text(), /\n\s+at |node_modules|\.ts:/, what);
}
