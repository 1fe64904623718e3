import assert from "node:assert/strict";
import { test } from "node:test";
import { forgedTokens } from "@hivematrix/lib/forged_tokens_testing";
import { decodeJwt } from "jose";
import { MemorySessionStore } from "./memory_session_store.ts";
import { ada, createTestClock, revoke, toHash } from "./session_store_testing.ts";
import { createTestContext, type StartedCore, startCore } from "./testing.ts";
import { validateToken } from "./token_validate.ts";

const path = "/api/token/validate";

async function validate(core: StartedCore, token: string) {
  const response = await core.post(path, { token });
  assert.match(response.headers.get("content-type") ?? "", /^application\/json/);
  assert.equal(response.headers.get("cache-control"), "no-store");
  const challenge = response.headers.get("www-authenticate");
  return { status: response.status, body: await response.json(), challenge };
}

async function assertRefused(core: StartedCore, token: string, error: RegExp): Promise<void> {
  const { status, body, challenge } = await validate(core, token);
  assert.equal(status, 401);
  assert.equal(challenge, 'Bearer error="invalid_token"');
  assert.deepEqual(Object.keys(body as object).sort(), ["error", "valid"]);
  const refusal = body as { valid: boolean; error: string };
  assert.equal(refusal.valid, false);
  assert.match(refusal.error, error);
}

test("a good token is valid, and the answer says whose it is", async (t) => {
  const core = await startCore(t);
  const token = await core.signIn();
  const { status, body } = await validate(core, token);
  assert.equal(status, 200);
  const { jti = "", exp = 0 } = decodeJwt(token);
  assert.deepEqual(body, {
    valid: true,
    session: { id: toHash(jti), expires_at: new Date(exp * 1000).toISOString() },
    user: {
      sub: "ada-sub",
      name: "Ada Lovelace",
      email: "ada@example.org",
      preferred_username: "ada",
      permission_level: "technician",
      groups: ["technicians"],
    },
  });
});

test("the answer holds nothing secret of the session", async (t) => {
  const core = await startCore(t);
  const id_token = await core.provider.giveIdToken("ada-sub");
  const token = await core.signIn(undefined, { id_token, refresh_token: "rrr", sid: "sss" });
  const { body } = await validate(core, token);
  assert.doesNotMatch(JSON.stringify(body), /rrr|sss|eyJ|jti/);
});

test("the handler answers without a server", async (t) => {
  const core = await startCore(t);
  const url = `http://core${path}`;
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ token: await core.signIn() });
  const request = new Request(url, { method: "POST", headers, body });
  const response = await validateToken(core)(request, createTestContext(url));
  assert.equal(response.status, 200);
});

test("check 1: a signature that does not hold", async (t) => {
  const core = await startCore(t);
  const token = await core.signIn();
  await assertRefused(core, `${token.slice(0, -8)}AAAAAAAA`, /signature/);
});

test("check 2: a token past its exp", async (t) => {
  const clock = createTestClock();
  const core = await startCore(t, { now: clock.now });
  const token = await core.signIn();
  clock.advance(3600);
  await assertRefused(core, token, /it has expired/);
});

test("check 3: a session that is not in the store", async (t) => {
  const core = await startCore(t);
  const elsewhere = await new MemorySessionStore().create(ada, 3600);
  await assertRefused(core, await core.tokens.mintUserToken(elsewhere), /no such session/);
});

test("check 4: a session past its end, though its token is not", async (t) => {
  const clock = createTestClock();
  const core = await startCore(t, { now: clock.now });
  const session = await core.sessions.create(ada, 60);
  const longer = { ...session, expiresAtSeconds: session.expiresAtSeconds + 60 };
  const token = await core.tokens.mintUserToken(longer);
  clock.advance(60);
  await assertRefused(core, token, /session has expired/);
});

test("check 4: a session that was not used for too long", async (t) => {
  const clock = createTestClock();
  const sessions = new MemorySessionStore({ now: clock.now, idleSeconds: 600 });
  const core = await startCore(t, { now: clock.now, sessions });
  const token = await core.signIn();
  clock.advance(600);
  await assertRefused(core, token, /not used/);
});

test("R10: a question that is no use does not keep an idle session alive, any other does", async (t) => {
  const clock = createTestClock();
  const core = await startCore(t, { now: clock.now, idleSeconds: 600 });
  const token = await core.signIn();
  const ask = async (body: object) => (await core.post(path, { token, ...body })).status;
  clock.advance(400);
  assert.equal(await ask({}), 200);
  clock.advance(400);
  assert.equal(await ask({ is_use: false }), 200);
  clock.advance(200);
  assert.equal(await ask({}), 401);
});

test("check 5: a session that was revoked", async (t) => {
  const core = await startCore(t);
  const token = await core.signIn();
  await revoke(core.sessions, decodeJwt(token).jti ?? "");
  await assertRefused(core, token, /revoked/);
});

test("a malformed body is 400, and valid is false there too", async (t) => {
  const core = await startCore(t);
  for (const body of ["", "{", "[]", "null", "{}", '{"token":7}', '{"token":""}']) {
    const response = await core.post(path, body);
    assert.equal(response.status, 400, body);
    const refusal = (await response.json()) as { valid: boolean; error: string };
    assert.equal(refusal.valid, false);
    assert.match(refusal.error, /Cannot read the body/);
  }
  const typeless = await core.post(path, "token=x", { "content-type": "text/plain" });
  assert.equal(typeless.status, 415);
  const huge = await core.post(path, { token: "x".repeat(70_000) });
  assert.equal(huge.status, 413);
});

test("R19: no forged token is valid, although its session lives", async (t) => {
  const core = await startCore(t);
  const token = await core.signIn();
  const forged = forgedTokens(token, core.keys.signing.privateKey);
  assert.ok(forged.length >= 30, `${forged.length} forgeries`);
  for (const { name, token: forgery } of forged) {
    const { status, body } = await validate(core, forgery);
    assert.equal(status, 401, name);
    assert.equal((body as { valid: boolean }).valid, false, name);
  }
  assert.equal((await validate(core, token)).status, 200);
});
