import assert from "node:assert/strict";
import { constants, createHmac, createPublicKey, KeyObject, sign as signBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { generateKeyPair } from "jose";
import type { TestBrowser } from "./browser_testing.ts";
import { type Claims, type SigningParts, sign, type Wrong } from "./hostile_provider_testing.ts";
import { startNexus, type TestNexus } from "./testing.ts";

const now = () => Math.floor(Date.now() / 1000);
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
const without = (name: string) => (claims: Claims) => ({ ...claims, [name]: undefined });
const withClaims = (changes: Claims) => (claims: Claims) => ({ ...claims, ...changes });

/** Signed with a secret that everybody knows, or that a careless client takes for one. */
const hmac =
  (secretOf: (parts: SigningParts) => string) =>
  (parts: SigningParts): string => {
    const input = `${encode({ alg: "HS256", kid: "provider-key" })}.${encode(parts.claims)}`;
    return `${input}.${createHmac("sha256", secretOf(parts)).update(input).digest("base64url")}`;
  };

const publicKeyPem = ({ publicJwk }: SigningParts) =>
  createPublicKey({ key: publicJwk, format: "jwk" })
    .export({ type: "spki", format: "pem" })
    .toString();

const signedByAnother = async ({ claims, header }: SigningParts, more: object = {}) => {
  const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
  const parts = { claims, header: { ...header, ...more }, privateKey, publicJwk: {} };
  return { token: await sign(parts), publicKey };
};

/** Signed by the right key with an algorithm that was not agreed upon. */
const signedOtherwise = ({ claims, privateKey }: SigningParts, alg: "RS384" | "PS256"): string => {
  const input = `${encode({ alg, kid: "provider-key" })}.${encode(claims)}`;
  const padding = constants[alg === "PS256" ? "RSA_PKCS1_PSS_PADDING" : "RSA_PKCS1_PADDING"];
  const key = { key: KeyObject.from(privateKey), padding, saltLength: 32 };
  const hash = alg === "PS256" ? "sha256" : "sha384";
  return `${input}.${signBytes(hash, Buffer.from(input), key).toString("base64url")}`;
};

const wrongClaims: Readonly<Record<string, (claims: Claims) => Claims>> = {
  "another issuer": withClaims({ iss: "https://evil.example" }),
  "no issuer": without("iss"),
  "an issuer with a slash too many": (claims) => ({ ...claims, iss: `${claims["iss"]}/` }),
  "an issuer of another realm": (claims) => ({ ...claims, iss: `${claims["iss"]}2` }),
  "a list of issuers": (claims) => ({ ...claims, iss: [claims["iss"]] }),
  "no subject": without("sub"),
  "an empty subject": withClaims({ sub: "" }),
  "a subject that is no text": withClaims({ sub: 7 }),
  "another audience": withClaims({ aud: "another-client" }),
  "no audience": without("aud"),
  "an audience list without us": withClaims({ aud: ["another-client", "a-third"] }),
  "an audience beside us, and nobody authorized": withClaims({ aud: ["core-client", "other"] }),
  "another authorized party": withClaims({ azp: "another-client" }),
  "a list with another authorized party": withClaims({ aud: ["core-client", "o"], azp: "o" }),
  "no time of issue": without("iat"),
  "a time of issue to come": withClaims({ iat: now() + 3600, exp: now() + 7200 }),
  "a time of issue that is text": withClaims({ iat: String(now()) }),
  "no end": without("exp"),
  "an end in the past": withClaims({ iat: now() - 7200, exp: now() - 3600 }),
  "an end that is text": withClaims({ exp: String(now() + 300) }),
  "a beginning to come": withClaims({ nbf: now() + 3600 }),
  "no nonce": without("nonce"),
  "another nonce": withClaims({ nonce: "another-nonce" }),
  "a list of nonces": (claims) => ({ ...claims, nonce: [claims["nonce"]] }),
};

const wrongTokens: Readonly<Record<string, (parts: SigningParts) => string | Promise<string>>> = {
  "algorithm none": ({ claims }) => `${encode({ alg: "none" })}.${encode(claims)}.`,
  "algorithm none and the key's name": ({ claims, header }) =>
    `${encode({ ...header, alg: "none" })}.${encode(claims)}.`,
  "HS256 with the public key": hmac(publicKeyPem),
  "HS256 with the public key's JWK": hmac(({ publicJwk }) => JSON.stringify(publicJwk)),
  "HS256 with an empty secret": hmac(() => ""),
  "a bad signature": async (parts) => `${(await sign(parts)).slice(0, -8)}AAAAAAAA`,
  "no signature": async (parts) => (await sign(parts)).replace(/[^.]*$/, ""),
  "changed claims": async (parts) => {
    const [header, , signature] = (await sign(parts)).split(".");
    return `${header}.${encode({ ...parts.claims, sub: "root" })}.${signature}`;
  },
  "an unknown key": async (parts) => (await signedByAnother(parts, { kid: "unknown" })).token,
  "another key under the right name": async (parts) => (await signedByAnother(parts)).token,
  "a key brought along": async (parts) => {
    const jwk = { ...parts.publicJwk, kid: "own" };
    return (await signedByAnother(parts, { jwk, kid: "own" })).token;
  },
  "a key at an address of its own": async (parts) =>
    (await signedByAnother(parts, { jku: "https://evil.example/keys" })).token,
  "RS384 of the right key": (parts) => signedOtherwise(parts, "RS384"),
  "PS256 of the right key": (parts) => signedOtherwise(parts, "PS256"),
  "two parts": async (parts) => (await sign(parts)).replace(/\.[^.]*$/, ""),
  "no token at all": () => "garbage",
  nothing: () => "",
};

const wrongAnswers: Readonly<Record<string, Wrong["tokenAnswer"]>> = {
  "no ID token": (body) => ({ body: { ...body, id_token: undefined } }),
  "an ID token that is no text": (body) => ({ body: { ...body, id_token: 7 } }),
  "no access token": (body) => ({ body: { ...body, access_token: undefined } }),
  "an access token of another type": (body) => ({ body: { ...body, token_type: "mac" } }),
  "no type of the access token": (body) => ({ body: { ...body, token_type: undefined } }),
  "no JSON": () => ({ body: "<html>" }),
  "a list": (body) => ({ body: [body] }),
  "an error with status 200": () => ({ body: { error: "invalid_grant" } }),
  "an error": () => ({ status: 400, body: { error: "invalid_grant" } }),
  "a redirect": (body) => ({ status: 302, body }),
};

const wrongUserinfo: Readonly<Record<string, Wrong["userinfo"]>> = {
  "userinfo of somebody else": (body) => ({ body: { ...body, sub: "grace-sub" } }),
  "userinfo of nobody": (body) => ({ body: { ...body, sub: undefined } }),
  "userinfo that refuses the token": () => ({ status: 401, body: {} }),
};

const away: Readonly<Record<string, Wrong>> = {
  "a token endpoint that fails": { tokenAnswer: () => ({ status: 500, body: "stack trace" }) },
  "a userinfo endpoint that fails": { userinfo: () => ({ status: 500, body: "stack trace" }) },
  "keys that cannot be had": { keys: () => ({ status: 500, body: "stack trace" }) },
  "keys that are none": { keys: () => ({ body: "stack trace" }) },
};

describe("R2: of a provider's answers only the right one opens a session", () => {
  let nexus: TestNexus;
  const cleanUps: (() => unknown)[] = [];
  before(async () => {
    nexus = await startNexus({ after: (cleanUp) => cleanUps.unshift(cleanUp) });
  });

  after(async () => {
    for (const cleanUp of cleanUps) await cleanUp();
  });

  /** Signs in at a provider that is wrong in this way. */
  async function tryToSignIn(wrong: Wrong): Promise<{ browser: TestBrowser; status: number }> {
    nexus.provider.wrong = wrong;
    const browser = nexus.openBrowser();
    const page = await browser.open("/login?next=/template/");
    nexus.provider.wrong = {};
    assert.doesNotMatch(page.body, /stack trace|\n\s+at |JWT|JWS/);
    if (page.status !== 200) assert.match(page.body, /Sign in again/);
    return { browser, status: page.status };
  }

  async function assertRefused(wrong: Wrong, statuses: readonly number[]): Promise<void> {
    const sessions = countSessions();
    const { browser, status } = await tryToSignIn(wrong);
    assert.ok(statuses.includes(status), String(status));
    assert.equal(browser.sessionCookie, undefined);
    assert.deepEqual(browser.cookies, [], "the attempt is over too");
    assert.equal(countSessions(), sessions);
  }

  const countSessions = () =>
    nexus.core.logLines.filter((line) => line.includes('"signed in"')).length;

  for (const [name, claims] of Object.entries(wrongClaims)) {
    test(`R2: an ID token with ${name} is refused`, () => assertRefused({ claims }, [400]));
  }
  for (const [name, idToken] of Object.entries(wrongTokens)) {
    test(`R2: an ID token with ${name} is refused`, () => assertRefused({ idToken }, [400]));
  }
  for (const [name, tokenAnswer] of Object.entries(wrongAnswers)) {
    test(`R2: a token answer with ${name} is refused`, () =>
      assertRefused({ ...(tokenAnswer && { tokenAnswer }) }, [400]));
  }
  for (const [name, userinfo] of Object.entries(wrongUserinfo)) {
    test(`R2: ${name} is refused`, () => assertRefused({ ...(userinfo && { userinfo }) }, [401]));
  }
  for (const [name, wrong] of Object.entries(away)) {
    test(`R25: ${name} are no refusal: 503, to be tried again`, async () => {
      // What a running gateway remembers of the keys would hide the fault.
      await nexus.restart();
      await assertRefused(wrong, [503]);
      assert.equal((await tryToSignIn({})).status, 200);
    });
  }

  const right: Readonly<Record<string, Wrong>> = {
    "nothing wrong": {},
    "its audience in a list": { claims: (claims) => ({ ...claims, aud: ["core-client"] }) },
    "us authorized among others": {
      claims: withClaims({ aud: ["core-client", "other"], azp: "core-client" }),
    },
    "a clock that is some seconds ahead": { claims: withClaims({ iat: now() + 5 }) },
    "claims nobody knows": { claims: withClaims({ acr: "1", groups: ["admins"], "x:y": {} }) },
    "a small bearer": { tokenAnswer: (body) => ({ body: { ...body, token_type: "bearer" } }) },
    "no refresh token": {
      tokenAnswer: (body) => ({ body: { ...body, refresh_token: undefined } }),
    },
    "no name of its key, as it has only one": {
      idToken: ({ claims, privateKey, publicJwk }) =>
        sign({ claims, header: { alg: "RS256" }, privateKey, publicJwk }),
    },
  };
  for (const [name, wrong] of Object.entries(right)) {
    test(`R2: a provider with ${name} signs people in`, async () => {
      const { browser, status } = await tryToSignIn(wrong);
      assert.equal(status, 200);
      assert.ok(browser.sessionCookie);
    });
  }

  test("the groups of an ID token give no rights: those of userinfo count", async () => {
    const { browser } = await tryToSignIn({ claims: withClaims({ groups: ["admins"] }) });
    const me = (await browser.request("/api/me")).json();
    assert.equal(me["permission_level"], "technician");
  });

  test("the client proves itself with its encoded credential, the secret being in no body", () => {
    const requests = nexus.provider.tokenRequests;
    assert.ok(requests.length > 50);
    for (const form of requests) assert.ok(!form.toString().includes("client_secret"));
  });
});
