import assert from "node:assert/strict";
import { test } from "node:test";
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from "jose";
import { showJwks } from "./jwks.ts";
import { createKeySet, generatePrivateKey } from "./signing_key.ts";
import { createTestContext, startCore, testKeySet } from "./testing.ts";

test("tokens verify with the published keys", async (t) => {
  const core = await startCore(t);
  const response = await core.get("/.well-known/jwks.json");
  assert.equal(response.status, 200);
  assert.match(response.headers.get("cache-control") ?? "", /max-age=\d+/);
  const jwks = (await response.json()) as JSONWebKeySet;
  const { payload } = await jwtVerify(await core.signIn(), createLocalJWKSet(jwks));
  assert.equal(payload.sub, "ada-sub");
});

test("a published key has its public members and no private one", async () => {
  const url = "http://core/.well-known/jwks.json";
  const keys = await testKeySet();
  const response = await showJwks({ keys })(new Request(url), createTestContext(url));
  const { keys: published } = (await response.json()) as JSONWebKeySet;
  assert.deepEqual(published, [
    {
      kty: "RSA",
      n: published[0]?.n,
      e: "AQAB",
      kid: keys.signing.kid,
      use: "sig",
      alg: "RS256",
    },
  ]);
  assert.ok(Buffer.from(published[0]?.n ?? "", "base64url").length >= 256);
});

test("every key of the set is published", async () => {
  const url = "http://core/.well-known/jwks.json";
  const [one, two] = [await testKeySet(), await createKeySet(await generatePrivateKey())];
  const keys = { signing: one.signing, published: [one.signing, two.signing] };
  const response = await showJwks({ keys })(new Request(url), createTestContext(url));
  const { keys: published } = (await response.json()) as JSONWebKeySet;
  assert.deepEqual(
    published.map(({ kid }) => kid),
    [one.signing.kid, two.signing.kid],
  );
});
