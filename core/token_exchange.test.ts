import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeJwt } from "jose";
import { MemorySessionStore } from "./memory_session_store.ts";
import { createTestClock, revoke } from "./session_store_testing.ts";
import { adaUserinfo, createTestContext, type StartedCore, startCore } from "./testing.ts";
import { exchangeToken } from "./token_exchange.ts";

const path = "/api/token/exchange";

const exchange = (core: StartedCore, body: object) => core.post(path, body);

test("a provider's access token becomes a session and its token", async (t) => {
  const core = await startCore(t);
  const response = await exchange(core, {
    access_token: core.provider.giveAccessToken(adaUserinfo),
  });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("cache-control"), "no-store");
  const body = (await response.json()) as { token: string };
  assert.deepEqual(Object.keys(body), ["token"]);
  const claims = decodeJwt(body.token);
  assert.equal(claims.sub, "ada-sub");
  assert.equal(claims["permission_level"], "technician");
  assert.equal((claims.exp ?? 0) - (claims.iat ?? 0), 3600);
  const checked = await core.sessions.check(claims.jti ?? "");
  assert.equal(checked.state === "live" && checked.session.user.email, "ada@example.org");
});

test("the handler answers without a server", async (t) => {
  const core = await startCore(t);
  const url = `http://core${path}`;
  const request = new Request(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ access_token: core.provider.giveAccessToken(adaUserinfo) }),
  });
  const response = await exchangeToken(core)(request, createTestContext(url));
  assert.equal(response.status, 200);
});

test("R6: two sign-ins get sessions of their own, each id of at least 128 bits", async (t) => {
  const core = await startCore(t);
  const first = decodeJwt(await core.signIn()).jti ?? "";
  const second = decodeJwt(await core.signIn()).jti ?? "";
  assert.notEqual(first, second);
  for (const id of [first, second]) assert.ok(Buffer.from(id, "base64url").length * 8 >= 128);
});

test("the lifetime is the setting's, for the token and the session alike", async (t) => {
  const clock = createTestClock();
  const core = await startCore(t, { now: clock.now, sessionLifetimeSeconds: 120 });
  const { jti = "", iat, exp } = decodeJwt(await core.signIn());
  assert.equal(iat, clock.startSeconds);
  assert.equal(exp, clock.startSeconds + 120);
  clock.advance(120);
  assert.deepEqual(await core.sessions.check(jti), { state: "expired" });
});

test("groups give the level, and top-level ones are named without their slash", async (t) => {
  const core = await startCore(t);
  const groups = ["/billing", "/x/admins", "staff"];
  const claims = decodeJwt(await core.signIn({ ...adaUserinfo, groups }));
  assert.equal(claims["permission_level"], "billing");
  assert.deepEqual(claims["groups"], ["billing", "/x/admins", "staff"]);
});

test("what ends the provider's session is kept with ours, and neither in the token nor beside it", async (t) => {
  const core = await startCore(t);
  const id_token = await core.provider.giveIdToken("ada-sub");
  const token = await core.signIn(adaUserinfo, { id_token, refresh_token: "r", sid: "s" });
  const text = JSON.stringify(decodeJwt(token));
  assert.ok(!text.includes("sid") && !text.includes("id_token") && !text.includes("refresh"));
  const provider = await revoke(core.sessions, decodeJwt(token).jti ?? "");
  assert.deepEqual(provider, { sid: "s", refreshToken: "r" });
});

test("R6: a sign-in ends the session that the browser had before, and no other", async (t) => {
  const core = await startCore(t);
  const old = await core.signIn(adaUserinfo, { refresh_token: "r" });
  const other = await core.signIn();
  const token = await core.signIn(adaUserinfo, { previous_token: old });
  const stateOf = async (token: string) =>
    (await core.sessions.check(decodeJwt(token).jti ?? "")).state;
  assert.equal(await stateOf(old), "revoked");
  assert.equal(await stateOf(other), "live");
  assert.equal(await stateOf(token), "live");
  assert.deepEqual(core.provider.logouts, [], "the provider's session carries the new one");
});

test("a previous token that is none of ours, or no longer good, keeps nobody out", async (t) => {
  const core = await startCore(t);
  const revoked = await core.signIn();
  await core.post("/api/token/revoke", { token: revoked });
  for (const previous_token of ["x", "a.b.c", revoked, `${revoked}x`, ""]) {
    const access_token = core.provider.giveAccessToken(adaUserinfo);
    assert.equal((await exchange(core, { access_token, previous_token })).status, 200);
  }
});

test("a sign-in that the provider refuses leaves the previous session alone", async (t) => {
  const core = await startCore(t);
  const old = await core.signIn();
  const response = await exchange(core, { access_token: "unknown", previous_token: old });
  assert.equal(response.status, 401);
  assert.equal((await core.sessions.check(decodeJwt(old).jti ?? "")).state, "live");
});

test("null counts as left out", async (t) => {
  const core = await startCore(t);
  const access_token = core.provider.giveAccessToken(adaUserinfo);
  const body = { access_token, id_token: null, refresh_token: null, sid: null };
  assert.equal((await exchange(core, body)).status, 200);
});

test("an ID token of somebody else is 401 and makes no session", async (t) => {
  const core = await startCore(t, { sessions: new CountingStore() });
  for (const sub of ["grace-sub", "ada-sub2", ""]) {
    const response = await exchange(core, {
      access_token: core.provider.giveAccessToken(adaUserinfo),
      id_token: await core.provider.giveIdToken(sub),
    });
    assert.equal(response.status, 401, sub);
  }
  assert.equal((core.sessions as CountingStore).created, 0);
});

test("a malformed body is 400 that names the fault", async (t) => {
  const core = await startCore(t);
  const access_token = core.provider.giveAccessToken(adaUserinfo);
  const bodies: readonly (readonly [body: unknown, detail: RegExp])[] = [
    ["{", /not valid JSON/],
    ["", /not valid JSON/],
    ["null", /must be a JSON object/],
    [[], /must be a JSON object/],
    [{}, /"access_token"/],
    [{ access_token: "" }, /"access_token"/],
    [{ access_token: 7 }, /"access_token"/],
    [{ access_token: "a\r\nb" }, /access_token/],
    [{ access_token, sid: 7 }, /"sid"/],
    [{ access_token, previous_token: 7 }, /"previous_token"/],
    [{ access_token, user_agent: [] }, /"user_agent"/],
    [{ access_token, address: {} }, /"address"/],
    [{ access_token, sid: "a\u0000" }, /"sid"/],
    [{ access_token, refresh_token: {} }, /"refresh_token"/],
    [{ access_token, id_token: "no.token" }, /"id_token"/],
  ];
  for (const [body, detail] of bodies) {
    const response = await core.post(path, body);
    const problem = (await response.json()) as { detail: string };
    assert.equal(response.status, 400, JSON.stringify(body));
    assert.match(problem.detail, detail);
    assert.match(response.headers.get("content-type") ?? "", /application\/problem\+json/);
  }
});

test("an access token that the provider refuses is 401", async (t) => {
  const core = await startCore(t);
  assert.equal((await exchange(core, { access_token: "unknown" })).status, 401);
});

test("R25: a provider that is away or ill is 503 with Retry-After, and works again when it is well", async (t) => {
  const core = await startCore(t);
  const access_token = core.provider.giveAccessToken(adaUserinfo);
  const assertAway = async () => {
    const response = await exchange(core, { access_token });
    assert.equal(response.status, 503);
    assert.ok(Number(response.headers.get("retry-after")) > 0);
    assert.doesNotMatch(await response.text(), /\n\s+at |ECONNREFUSED|127\.0\.0\.1/);
  };
  core.provider.misbehave(() => new Response("stack trace", { status: 500 }));
  await assertAway();
  core.provider.misbehave(undefined);
  await core.provider.stop();
  await assertAway();
  await core.provider.restart();
  assert.equal((await exchange(core, { access_token })).status, 200);
});

test("R9: a session that the provider does not confirm once it is made is ended again", async (t) => {
  const core = await startCore(t);
  const access_token = core.provider.giveAccessToken(adaUserinfo);
  const seconds: Record<string, readonly [answer: () => Response, status: number]> = {
    "signed out": [() => new Response(null, { status: 401 }), 401],
    "other groups": [() => Response.json({ ...adaUserinfo, groups: [] }), 503],
    away: [() => new Response(null, { status: 500 }), 503],
  };
  for (const [name, [answer, status]] of Object.entries(seconds)) {
    let asked = 0;
    core.provider.misbehave(() => (++asked === 1 ? Response.json(adaUserinfo) : answer()));
    assert.equal((await exchange(core, { access_token })).status, status, name);
    assert.equal(asked, 2, name);
    assert.deepEqual(await core.sessions.list(undefined, 10), [], name);
  }
  assert.deepEqual(core.provider.logouts, [], "the provider's session is not ours to end");
});

test("a sign-in is logged without the session's id or any token", async (t) => {
  const core = await startCore(t);
  const token = await core.signIn(adaUserinfo, { refresh_token: "the-refresh-token" });
  const log = core.logLines.join("");
  assert.match(log, /"message":"signed in".*"sub":"ada-sub"/);
  for (const secret of [token, decodeJwt(token).jti ?? "", "the-refresh-token"]) {
    assert.ok(!log.includes(secret));
  }
});

class CountingStore extends MemorySessionStore {
  created = 0;

  override create(...details: Parameters<MemorySessionStore["create"]>) {
    this.created++;
    return super.create(...details);
  }
}
