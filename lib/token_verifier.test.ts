import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { SignJWT } from "jose";
import { forgedTokens } from "./forged_tokens_testing.ts";
import { HttpError } from "./http_error.ts";
import { startTestCore } from "./testing.ts";
import { createTokenVerifier } from "./token_verifier.ts";

async function startVerifier(t: TestContext, options: { issuer?: string } = {}) {
  const core = await startTestCore(t);
  const verifier = createTokenVerifier({ coreUrl: core.url, service: "codex", ...options });
  /** The token's caller, or the status and message of its refusal. */
  const judge = async (token: string) =>
    await verifier.verify(token).catch((error: unknown) => {
      assert(error instanceof HttpError, `threw ${String(error)}`);
      return { status: error.status, message: error.message, headers: error.headers };
    });
  return { core, verifier, judge };
}

const nowSeconds = () => Math.floor(Date.now() / 1000);

test("a user token says who the person is and what they may do", async (t) => {
  const { core, verifier } = await startVerifier(t);
  const token = await core.userToken({ permission_level: "billing", groups: ["billing"] });
  const caller = await verifier.verify(token);
  assert(caller.kind === "user");
  assert.equal(caller.token, token);
  const { name, email, preferred_username, permission_level, groups } = caller.user;
  assert.deepEqual(
    { name, email, preferred_username, permission_level, groups },
    {
      name: "Ada Lovelace",
      email: "ada@example.org",
      preferred_username: "ada",
      permission_level: "billing",
      groups: ["billing"],
    },
  );
});

test("a service token says which service calls", async (t) => {
  const { core, verifier } = await startVerifier(t);
  const caller = await verifier.verify(await core.serviceToken("treasury", "codex"));
  assert.deepEqual(caller, { kind: "service", service: "treasury" });
});

test("R19: every forged token is refused, and Core is not asked about each", async (t) => {
  const { core, verifier, judge } = await startVerifier(t);
  const good = await core.userToken();
  assert.equal((await verifier.verify(good)).kind, "user");
  const forged = forgedTokens(good, core.privateKey);
  assert(forged.length >= 30);
  const startedAt = performance.now();
  for (const { name, token } of forged) {
    const verdict = await judge(token);
    assert("status" in verdict, `accepted: ${name}`);
    assert.equal(verdict.status, 401, `${name}: ${verdict.message}`);
    assert.equal(verdict.headers["www-authenticate"], 'Bearer error="invalid_token"', name);
  }
  const cooldowns = Math.floor((performance.now() - startedAt) / 5000);
  assert(core.asked.jwks <= 1 + cooldowns + 1);
  assert.equal((await verifier.verify(good)).kind, "user");
});

for (const [what, changes] of [
  ["it has expired", { exp: nowSeconds() - 1 }],
  ["its time of issue is missing", { iat: undefined }],
  ["its time of issue is text", { iat: String(nowSeconds()) }],
  ["it was issued in the future", { iat: nowSeconds() + 3600, exp: nowSeconds() + 7200 }],
  ["its subject is empty", { sub: "" }],
  ["its subject is a number", { sub: 7 }],
  ["its session id is empty", { jti: "" }],
  ["its groups are missing", { groups: undefined }],
  ["its groups are text", { groups: "admins" }],
  ["its groups are not all text", { groups: ["admins", 7] }],
  ["its name is missing", { name: undefined }],
  ["its permission level is missing", { permission_level: undefined }],
  ["its permission level is a list", { permission_level: ["admin"] }],
] as const) {
  test(`R19: a user token signed by Core is refused when ${what}`, async (t) => {
    const { core, judge } = await startVerifier(t);
    const verdict = await judge(await core.userToken(changes));
    assert.equal("status" in verdict && verdict.status, 401);
  });
}

test("R19: a well-signed token that names no key is refused", async (t) => {
  const { core, judge } = await startVerifier(t);
  const [, payload = ""] = (await core.userToken()).split(".");
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString());
  const signed = new SignJWT(claims).setProtectedHeader({ alg: "RS256" });
  const verdict = await judge(await signed.sign(core.privateKey));
  assert.equal("status" in verdict && verdict.status, 401);
});

for (const change of [" ", "\n", "=", "%00"]) {
  test(`R19: a token with ${JSON.stringify(change)} in it is another token`, async (t) => {
    const { core, judge } = await startVerifier(t);
    const token = await core.userToken();
    for (const changed of [token + change, change + token, token.replace(".", `${change}.`)]) {
      const verdict = await judge(changed);
      assert.equal("status" in verdict && verdict.status, 401);
    }
  });
}

const serviceClaims = () => ({
  iss: "hivematrix.core",
  sub: "service:treasury",
  calling_service: "treasury",
  target_service: "codex",
  type: "service",
  jti: "j",
  iat: nowSeconds(),
  exp: nowSeconds() + 300,
});

for (const [what, changes] of [
  ["for another service", { target_service: "ledger" }],
  ["for no service", { target_service: undefined }],
  ["for a list of services", { target_service: ["codex"] }],
  ["from nobody", { calling_service: undefined }],
  ["from an empty name", { calling_service: "", sub: "service:" }],
  ["whose subject is another service", { sub: "service:codex" }],
  ["whose subject is a person", { sub: "ada-sub" }],
  ["that is a person's as well", { permission_level: "admin" }],
  ["without its type", { type: undefined }],
  ["of another type", { type: "personal" }],
  ["of two types", { type: ["service"] }],
] as const) {
  test(`R20: a service token ${what} is refused`, async (t) => {
    const { core, judge } = await startVerifier(t);
    const good = await judge(await core.sign(serviceClaims()));
    assert.deepEqual(good, { kind: "service", service: "treasury" });
    const verdict = await judge(await core.sign({ ...serviceClaims(), ...changes }));
    assert.equal("status" in verdict && verdict.status, 401);
  });
}

test("R20: a user token that carries a service's type or an unknown one is refused", async (t) => {
  const { core, judge } = await startVerifier(t);
  for (const type of ["service", "personal", "id", null]) {
    const [, payload = ""] = (await core.userToken()).split(".");
    const claims = JSON.parse(Buffer.from(payload, "base64url").toString());
    const verdict = await judge(await core.sign({ ...claims, type }));
    assert.equal("status" in verdict && verdict.status, 401, String(type));
  }
});

test("the issuer can be set, and then only that one counts", async (t) => {
  const { core, judge } = await startVerifier(t, { issuer: "hivematrix-core" });
  const ours = await judge(await core.userToken({ iss: "hivematrix-core" }));
  assert.equal("kind" in ours && ours.kind, "user");
  const others = await judge(await core.userToken());
  assert.equal("status" in others && others.status, 401);
});

test("R25: without Core's keys a token is neither good nor bad: 503, and when to come again", async (t) => {
  const gone = await startTestCore(t);
  const verifier = createTokenVerifier({ coreUrl: "http://127.0.0.1:9", service: "codex" });
  await assert.rejects(verifier.verify(await gone.userToken()), (error: HttpError) => {
    assert.equal(error.status, 503);
    assert.match(error.headers["retry-after"] ?? "", /^[1-9]\d*$/);
    return true;
  });
});

test("a refusal says what is wrong", async (t) => {
  const { core, judge } = await startVerifier(t);
  const expired = await judge(await core.userToken({ exp: nowSeconds() - 1 }));
  const foreign = await judge(await core.userToken({ iss: "elsewhere" }));
  const misdirected = await judge(await core.serviceToken("treasury", "ledger"));
  const messages = [expired, foreign, misdirected].map((verdict) =>
    "message" in verdict ? verdict.message : "accepted",
  );
  assert.deepEqual(messages, [
    "Invalid token: it has expired",
    'Invalid token: its claim "iss" does not hold',
    'Invalid token: it is meant for "ledger", not for "codex"',
  ]);
});

test("what a refusal says does not help to forge: no keys, no claims of the token", async (t) => {
  const { core, judge } = await startVerifier(t);
  for (const { token } of forgedTokens(await core.userToken(), core.privateKey)) {
    const verdict = await judge(token);
    assert("message" in verdict);
    assert.doesNotMatch(verdict.message, /ada|attacker|eyJ/);
  }
});
