import assert from "node:assert/strict";
import { test } from "node:test";
import { forgedTokens } from "@hivematrix/lib/forged_tokens_testing";
import { decodeJwt } from "jose";
import { MemorySessionStore } from "./memory_session_store.ts";
import { createTestClock } from "./session_store_testing.ts";
import { adaUserinfo, createTestContext, type StartedCore, startCore } from "./testing.ts";
import { revokeToken } from "./token_revoke.ts";

const path = "/api/token/revoke";

/** @returns what the answer says beside the contract's message */
async function assertRevoked(core: StartedCore, token: string): Promise<unknown> {
  const response = await core.post(path, { token });
  assert.equal(response.status, 200);
  const { message, ...more } = (await response.json()) as { message: string };
  assert.equal(message, "Session revoked successfully");
  return more;
}

const isValid = async (core: StartedCore, token: string) =>
  (await core.post("/api/token/validate", { token })).status === 200;

test("R8: a revoked session is refused at the next request, although its token has not expired", async (t) => {
  const core = await startCore(t);
  const token = await core.signIn();
  const other = await core.signIn();
  assert.ok(await isValid(core, token));
  await assertRevoked(core, token);
  assert.ok(!(await isValid(core, token)));
  assert.ok(await isValid(core, other), "the person's other session lives on");
});

test("the handler answers without a server", async (t) => {
  const core = await startCore(t);
  const url = `http://core${path}`;
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ token: await core.signIn() });
  const request = new Request(url, { method: "POST", headers, body });
  const response = await revokeToken(core)(request, createTestContext(url));
  assert.equal(response.status, 200);
});

test("a revoke that is repeated answers the same", async (t) => {
  const core = await startCore(t);
  const token = await core.signIn();
  for (let round = 0; round < 3; round++) await assertRevoked(core, token);
});

test("the contract's answer comes first, byte for byte", async (t) => {
  const core = await startCore(t);
  const response = await core.post(path, { token: await core.signIn() });
  assert.ok((await response.text()).startsWith('{"message":"Session revoked successfully",'));
});

test("the answer says how many sessions of the same person live on", async (t) => {
  const clock = createTestClock();
  const core = await startCore(t, { now: clock.now });
  await core.signIn();
  clock.advance(3600);
  const grace = await core.signIn({ ...adaUserinfo, sub: "grace-sub" });
  const [first, second, third] = [await core.signIn(), await core.signIn(), await core.signIn()];
  const none = { provider_session: "none" };
  assert.deepEqual(await assertRevoked(core, first), { ...none, other_sessions: 2 });
  assert.deepEqual(await assertRevoked(core, second), { ...none, other_sessions: 1 });
  assert.deepEqual(await assertRevoked(core, third), { ...none, other_sessions: 0 });
  assert.deepEqual(await assertRevoked(core, grace), { ...none, other_sessions: 0 });
});

test("an end that is stored is answered, also when the others cannot be counted", async (t) => {
  const sessions = new MemorySessionStore();
  const core = await startCore(t, { sessions });
  const token = await core.signIn();
  sessions.list = () => Promise.reject(new Error("the database went away just now"));
  assert.deepEqual(await assertRevoked(core, token), { provider_session: "none" });
  assert.ok(core.logLines.some((line) => line.includes("cannot be counted")));
});

test("a late logout counts: an expired token revokes, also when its session is long forgotten", async (t) => {
  const clock = createTestClock();
  const core = await startCore(t, { now: clock.now });
  const token = await core.signIn();
  clock.advance(3600);
  await assertRevoked(core, token);
  await core.sessions.removeExpired();
  assert.deepEqual(await core.sessions.check(decodeJwt(token).jti ?? ""), { state: "unknown" });
  assert.deepEqual(await assertRevoked(core, token), { provider_session: "unknown" });
});

test("a body without a token is 400", async (t) => {
  const core = await startCore(t);
  for (const body of ["", "{}", '{"token":""}', '{"token":null}', "[]"]) {
    assert.equal((await core.post(path, body)).status, 400, body);
  }
});

test("R19: no forged token revokes the session that it names", async (t) => {
  const core = await startCore(t);
  const token = await core.signIn(adaUserinfo, { refresh_token: "r" });
  for (const { name, token: forgery } of forgedTokens(token, core.keys.signing.privateKey)) {
    const response = await core.post(path, { token: forgery });
    assert.equal(response.status, 401, name);
  }
  assert.ok(await isValid(core, token));
  assert.deepEqual(core.provider.logouts, []);
});

test("the provider's session ends with ours, once, and only the first answer knows it", async (t) => {
  const core = await startCore(t);
  const token = await core.signIn(adaUserinfo, { refresh_token: "the-refresh-token" });
  const others = { other_sessions: 0 };
  assert.deepEqual(await assertRevoked(core, token), { provider_session: "ended", ...others });
  assert.deepEqual(await assertRevoked(core, token), { provider_session: "unknown", ...others });
  assert.deepEqual(core.provider.logouts, [
    {
      client_id: "core-client",
      client_secret: "test-client-secret",
      refresh_token: "the-refresh-token",
    },
  ]);
});

test("a late logout still ends the provider's session, though the clean-up has run", async (t) => {
  const clock = createTestClock();
  const core = await startCore(t, { now: clock.now });
  const token = await core.signIn(adaUserinfo, { refresh_token: "the-refresh-token" });
  clock.advance(2 * 3600);
  await core.sessions.removeExpired();
  await assertRevoked(core, token);
  assert.equal(core.provider.logouts[0]?.["refresh_token"], "the-refresh-token");
});

test("the session is over before the provider is asked", async (t) => {
  const core = await startCore(t);
  const token = await core.signIn(adaUserinfo, { refresh_token: "r" });
  let wasValid: boolean | undefined;
  core.provider.misbehave(async () => {
    wasValid = await isValid(core, token);
    return new Response(null, { status: 204 });
  });
  await assertRevoked(core, token);
  assert.equal(wasValid, false);
});

test("a provider that refuses or is gone is a warning in the log, and the answer says so", async (t) => {
  const core = await startCore(t);
  const tokens = [
    await core.signIn(adaUserinfo, { refresh_token: "refused-token" }),
    await core.signIn(adaUserinfo, { refresh_token: "unsent-token" }),
  ] as const;
  core.provider.misbehave(() => new Response("no", { status: 500 }));
  const notEnded = { provider_session: "not_ended" };
  assert.deepEqual(await assertRevoked(core, tokens[0]), { ...notEnded, other_sessions: 1 });
  await core.provider.stop();
  assert.deepEqual(await assertRevoked(core, tokens[1]), { ...notEnded, other_sessions: 0 });
  const warnings = core.logLines.filter((line) => line.includes('"level":"warn"'));
  assert.equal(warnings.filter((line) => line.includes("could not be ended")).length, 2);
  assert.doesNotMatch(core.logLines.join(""), /refused-token|unsent-token|test-client-secret/);
});

test("a provider that is silent holds the caller up for no more than its 2 s", async (t) => {
  const core = await startCore(t);
  const token = await core.signIn(adaUserinfo, { refresh_token: "r" });
  core.provider.misbehave(() => new Promise<Response>(() => {}));
  const startedAt = performance.now();
  await assertRevoked(core, token);
  const tookMs = performance.now() - startedAt;
  assert.ok(tookMs >= 1900 && tookMs < 8000, `${tookMs} ms`);
});
