import assert from "node:assert/strict";
import { test } from "node:test";
import { forgedTokens } from "@hivematrix/lib/forged_tokens_testing";
import { decodeJwt } from "jose";
import { createTestClock } from "./session_store_testing.ts";
import { adaUserinfo, createTestContext, type StartedCore, startCore } from "./testing.ts";
import { revokeToken } from "./token_revoke.ts";

const path = "/api/token/revoke";

async function assertRevoked(core: StartedCore, token: string): Promise<void> {
  const response = await core.post(path, { token });
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { message: "Session revoked successfully" });
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

test("a late logout counts: an expired token revokes, also when its session is long forgotten", async (t) => {
  const clock = createTestClock();
  const core = await startCore(t, { now: clock.now });
  const token = await core.signIn();
  clock.advance(3600);
  await assertRevoked(core, token);
  await core.sessions.removeExpired();
  assert.deepEqual(await core.sessions.check(decodeJwt(token).jti ?? ""), { state: "unknown" });
  await assertRevoked(core, token);
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

test("the provider's session ends with ours, once", async (t) => {
  const core = await startCore(t);
  const token = await core.signIn(adaUserinfo, { refresh_token: "the-refresh-token" });
  await assertRevoked(core, token);
  await assertRevoked(core, token);
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

test("a provider that refuses or is gone is a warning in the log, and no trouble for the caller", async (t) => {
  const core = await startCore(t);
  const tokens = [
    await core.signIn(adaUserinfo, { refresh_token: "refused-token" }),
    await core.signIn(adaUserinfo, { refresh_token: "unsent-token" }),
  ] as const;
  core.provider.misbehave(() => new Response("no", { status: 500 }));
  await assertRevoked(core, tokens[0]);
  await core.provider.stop();
  await assertRevoked(core, tokens[1]);
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
  assert.ok(tookMs >= 1900 && tookMs < 4000, `${tookMs} ms`);
});
