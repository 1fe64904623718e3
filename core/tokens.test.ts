import assert from "node:assert/strict";
import { test } from "node:test";
import { HttpError } from "@hivematrix/lib/http_error";
import { decodeJwt, decodeProtectedHeader, jwtVerify, SignJWT } from "jose";
import { MemorySessionStore } from "./memory_session_store.ts";
import { ada, createTestClock } from "./session_store_testing.ts";
import { createKeySet, generatePrivateKey } from "./signing_key.ts";
import { testKeySet } from "./testing.ts";
import { createTokens } from "./tokens.ts";

const issuer = "hivematrix.core";
const keys = await testKeySet();

async function mintForAda(now = Date.now) {
  const session = await new MemorySessionStore({ now }).create(ada, 3600);
  const tokens = createTokens({ keys, issuer, now });
  return { session, tokens, token: await tokens.mintUserToken(session) };
}

const is401 = (text: RegExp) => (error: unknown) => {
  assert.ok(error instanceof HttpError);
  assert.equal(error.status, 401);
  assert.match(error.message, text);
  return true;
};

test("a user token has exactly the claims of the design", async () => {
  const clock = createTestClock();
  const { token, session } = await mintForAda(clock.now);
  assert.deepEqual(decodeJwt(token), {
    iss: issuer,
    sub: ada.sub,
    name: ada.name,
    email: ada.email,
    preferred_username: ada.preferred_username,
    permission_level: ada.permission_level,
    groups: ada.groups,
    jti: session.id,
    iat: clock.startSeconds,
    exp: clock.startSeconds + 3600,
  });
});

test("a service token has exactly the claims of the contract, and a jti", async () => {
  const clock = createTestClock();
  const tokens = createTokens({ keys, issuer, now: clock.now });
  const { jti, ...claims } = decodeJwt(await tokens.mintServiceToken("treasury", "codex"));
  assert.deepEqual(claims, {
    iss: issuer,
    sub: "service:treasury",
    calling_service: "treasury",
    target_service: "codex",
    type: "service",
    iat: clock.startSeconds,
    exp: clock.startSeconds + 300,
  });
  assert.match(jti ?? "", /^[\w-]{20,}$/);
  assert.notEqual(decodeJwt(await tokens.mintServiceToken("treasury", "codex")).jti, jti);
});

test("no token begins in the future, where PyJWT would refuse it", async () => {
  // 999 ms into a second: rounding instead of cutting off would be ahead.
  const clock = createTestClock();
  const { token, tokens } = await mintForAda(clock.now);
  const nowSeconds = clock.now() / 1000;
  for (const minted of [token, await tokens.mintServiceToken("a", "b")]) {
    assert.ok((decodeJwt(minted).iat ?? Number.POSITIVE_INFINITY) <= nowSeconds);
  }
});

test("tokens are signed RS256 under the signing key's kid", async () => {
  const { token, tokens } = await mintForAda();
  for (const minted of [token, await tokens.mintServiceToken("a", "b")]) {
    assert.deepEqual(decodeProtectedHeader(minted), {
      alg: "RS256",
      kid: keys.signing.kid,
      typ: "JWT",
    });
    await jwtVerify(minted, keys.signing.publicKey, { issuer, algorithms: ["RS256"] });
  }
});

test("a user token reads back, to the last second of its life", async () => {
  const clock = createTestClock();
  const { tokens, token, session } = await mintForAda(clock.now);
  assert.equal((await tokens.readUserToken(token)).jti, session.id);
  clock.advance(3599);
  assert.equal((await tokens.readUserToken(token)).sub, ada.sub);
  clock.advance(1);
  await assert.rejects(tokens.readUserToken(token), is401(/it has expired/));
});

test("an expired token reads back where that is accepted, a forged one does not", async () => {
  const clock = createTestClock();
  const { tokens, token, session } = await mintForAda(clock.now);
  clock.advance(365 * 24 * 3600);
  const accepting = { acceptExpired: true };
  assert.equal((await tokens.readUserToken(token, accepting)).jti, session.id);
  const forged = `${token.slice(0, -8)}AAAAAAAA`;
  await assert.rejects(tokens.readUserToken(forged, accepting), is401(/signature/));
});

test("the signature is judged before the end of life", async () => {
  const clock = createTestClock();
  const { tokens, token } = await mintForAda(clock.now);
  clock.advance(7200);
  await assert.rejects(tokens.readUserToken(`${token.slice(0, -8)}AAAAAAAA`), is401(/signature/));
});

test("a service token is no user token", async () => {
  const { tokens } = await mintForAda();
  for (const target of ["core", "codex"]) {
    const token = await tokens.mintServiceToken("treasury", target);
    await assert.rejects(tokens.readUserToken(token), is401(/not a user token|is meant for/));
  }
});

test("tokens of another issuer's setting do not hold", async () => {
  const { token } = await mintForAda();
  const other = createTokens({ keys, issuer: "hivematrix-core" });
  await assert.rejects(other.readUserToken(token), is401(/"iss"/));
});

test("a key set of several keys reads what any of them signed, and signs with one", async () => {
  const next = await createKeySet(await generatePrivateKey());
  const both = { signing: next.signing, published: [next.signing, keys.signing] };
  const { token, session } = await mintForAda();
  const tokens = createTokens({ keys: both, issuer });
  assert.equal((await tokens.readUserToken(token)).jti, session.id);
  const minted = await tokens.mintUserToken(session);
  assert.equal(decodeProtectedHeader(minted).kid, next.signing.kid);
  const old = createTokens({ keys, issuer });
  await assert.rejects(old.readUserToken(minted), is401(/not signed with a key of this platform/));
});

test("a well signed token without a kid is refused, because keys are looked up by it alone", async () => {
  const { tokens, token } = await mintForAda();
  const bare = await new SignJWT(decodeJwt(token))
    .setProtectedHeader({ alg: "RS256" })
    .sign(keys.signing.privateKey);
  await assert.rejects(tokens.readUserToken(bare), is401(/not signed with a key/));
});

test("a token with anything around or within it is refused", async () => {
  const { tokens, token } = await mintForAda();
  const middle = token.length - 20;
  const spaced = `${token.slice(0, middle)}\n${token.slice(middle)}`;
  for (const text of [`${token} `, ` ${token}`, `${token}\n`, `${token}=`, `${token}\0`, spaced]) {
    await assert.rejects(tokens.readUserToken(text), is401(/no JSON Web Token/));
  }
});
