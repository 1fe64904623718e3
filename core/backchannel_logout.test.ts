import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeJwt, generateKeyPair, SignJWT, UnsecuredJWT } from "jose";
import { openFeed } from "./revocation_feed_testing.ts";
import { toHash } from "./session_store_testing.ts";
import { adaUserinfo, type StartedCore, startCore } from "./testing.ts";

const event = "http://schemas.openid.net/event/backchannel-logout";

const send = (core: StartedCore, body: string | URLSearchParams, type?: string) =>
  fetch(new URL("/api/backchannel-logout", core.url), {
    method: "POST",
    headers: { "content-type": type ?? "application/x-www-form-urlencoded" },
    body: String(body),
  });

const logOut = (core: StartedCore, token: string) =>
  send(core, new URLSearchParams({ logout_token: token }));

const isValid = async (core: StartedCore, token: string) =>
  (await core.post("/api/token/validate", { token })).status === 200;

async function assertRefused(core: StartedCore, token: string, why: RegExp): Promise<void> {
  const response = await logOut(core, token);
  const body = (await response.json()) as { error: string; error_description: string };
  assert.equal(response.status, 400, `${why}`);
  assert.equal(response.headers.get("cache-control"), "no-store");
  assert.equal(body.error, "invalid_request");
  assert.match(body.error_description, why);
}

test("R34: the provider's logout token ends the session that came of its own, on the gateways too", async (t) => {
  const core = await startCore(t);
  const feed = await openFeed(t, core.url, core.basicOf("nexus"));
  const token = await core.signIn(adaUserinfo, { sid: "one", refresh_token: "r" });
  const other = await core.signIn(adaUserinfo, { sid: "two" });
  const response = await logOut(core, await core.provider.giveLogoutToken({ sid: "one" }));
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("cache-control"), "no-store");
  assert.deepEqual(feed.revoked(), [toHash(decodeJwt(token).jti ?? "")]);
  assert.ok(!(await isValid(core, token)));
  assert.ok(await isValid(core, other));
  assert.deepEqual(core.provider.logouts, [], "its own session is over already");
});

test("R34: without a sid, all sessions of the sub end", async (t) => {
  const core = await startCore(t);
  const tokens = [await core.signIn(), await core.signIn()];
  const foreign = await core.signIn({ ...adaUserinfo, sub: "grace-sub" });
  const token = await core.provider.giveLogoutToken({ sub: "ada-sub", sid: undefined });
  assert.equal((await logOut(core, token)).status, 200);
  for (const ended of tokens) assert.ok(!(await isValid(core, ended)));
  assert.ok(await isValid(core, foreign));
});

test("R34: a logout token that breaks a rule ends nothing", async (t) => {
  const core = await startCore(t);
  const give = core.provider.giveLogoutToken;
  const session = await core.signIn(adaUserinfo, { sid: "one" });
  const nowSeconds = Math.floor(Date.now() / 1000);
  const good = decodeJwt(await give({ sid: "one" }));
  const { privateKey } = await generateKeyPair("RS256");
  const forged = await new SignJWT(good)
    .setProtectedHeader({ alg: "RS256", typ: "logout+jwt", kid: core.provider.kid })
    .sign(privateKey);
  const symmetric = await new SignJWT(good)
    .setProtectedHeader({ alg: "HS256", typ: "logout+jwt", kid: core.provider.kid })
    .sign(new TextEncoder().encode(core.keycloak.clientSecret.padEnd(32, "x")));
  const cases: Record<string, readonly [token: string, why: RegExp]> = {
    "no logout token's type": [await give({}, { typ: "at+jwt" }), /type/],
    "no type": [await give({}, { typ: undefined }), /type/],
    "no event": [await give({ events: undefined }), /"events"/],
    "another event": [await give({ events: { "http://x": {} } }), /events/],
    "an event that is no object": [await give({ events: { [event]: "yes" } }), /events/],
    "a nonce": [await give({ nonce: "n" }), /nonce/],
    "another audience": [await give({ aud: "other-client" }), /"aud"/],
    "another issuer": [await give({ iss: "http://elsewhere" }), /"iss"/],
    "alg none": [new UnsecuredJWT(good).encode(), /signature or form/],
    "alg HS256": [symmetric, /signature or form/],
    "another key": [forged, /signature or form/],
    "an unknown key": [await give({}, { kid: "unknown" }), /signature or form/],
    "an old iat": [await give({ iat: nowSeconds - 200 }), /"iat"/],
    "a future iat": [await give({ iat: nowSeconds + 60 }), /"iat"/],
    "no iat": [await give({ iat: undefined }), /"iat"/],
    "an exp that is over": [await give({ exp: nowSeconds - 60 }), /"exp"/],
    "no jti": [await give({ jti: undefined }), /"jti"/],
    "neither sub nor sid": [await give({ sub: undefined, sid: undefined }), /neither/],
    "a sid that is no name": [await give({ sid: ["one"] }), /"sid"/],
    "an ID token": [await core.provider.giveIdToken("ada-sub"), /"jti"|"events"/],
    "our own token": [session, /signature or form/],
    "no token": ["x", /signature or form/],
  };
  for (const [name, [token, why]] of Object.entries(cases)) {
    await t.test(name, () => assertRefused(core, token, why));
  }
  assert.ok(await isValid(core, session));
});

test("R34: a logout token counts once: replayed, it does not end the sessions made since", async (t) => {
  const core = await startCore(t);
  const token = await core.provider.giveLogoutToken({ sub: "ada-sub", sid: undefined });
  assert.equal((await logOut(core, token)).status, 200);
  const session = await core.signIn();
  await assertRefused(core, token, /used before/);
  assert.ok(await isValid(core, session));
});

test("R34: plain JWT as Keycloak's type counts, since the event tells it from an ID token", async (t) => {
  const core = await startCore(t);
  const session = await core.signIn(adaUserinfo, { sid: "one" });
  const token = await core.provider.giveLogoutToken({ sid: "one" }, { typ: "JWT" });
  assert.equal((await logOut(core, token)).status, 200);
  assert.ok(!(await isValid(core, session)));
});

test("a body without one logout token is 400 in the form that the standard asks for", async (t) => {
  const core = await startCore(t);
  const token = await core.provider.giveLogoutToken({});
  const bodies: readonly (readonly [body: string, type?: string])[] = [
    [""],
    ["logout_token="],
    [`logout_token=${token}&logout_token=${token}`],
    [JSON.stringify({ logout_token: token }), "application/json"],
  ];
  for (const [body, type] of bodies) {
    const response = await send(core, body, type);
    assert.equal(response.status, 400);
    assert.equal(((await response.json()) as { error: string }).error, "invalid_request");
  }
});

test("R25: without the provider's keys it is 503, and the same token works when they are back", async (t) => {
  const core = await startCore(t);
  const session = await core.signIn(adaUserinfo, { sid: "one" });
  const token = await core.provider.giveLogoutToken({ sid: "one" });
  const assertAway = async () => {
    const response = await logOut(core, token);
    assert.equal(response.status, 503);
    assert.ok(Number(response.headers.get("retry-after")) > 0);
  };
  core.provider.misbehave(() => new Response("no", { status: 500 }));
  await assertAway();
  await core.provider.stop();
  await assertAway();
  core.provider.misbehave(undefined);
  await core.provider.restart();
  assert.equal((await logOut(core, token)).status, 200);
  assert.ok(!(await isValid(core, session)));
});
