import assert from "node:assert/strict";
import { after, test } from "node:test";
import { keycloakServerSkip } from "../helm/keycloak/server_testing.ts";
import {
  type SharedKeycloak,
  shareKeycloakServer,
} from "../helm/keycloak/shared_server_testing.ts";
import { type Attempt, readCode, type TestBrowser } from "../helm/keycloak/testing_browser.ts";
import { createLoginAttempt } from "./login_attempt.ts";
import { createProvider, type Provider } from "./provider.ts";

const skip = keycloakServerSkip();
let server: SharedKeycloak;
if (skip === false) server = await shareKeycloakServer({ after });

function connect(t: { after(close: () => Promise<void>): void }): Provider {
  const { serverUrl: publicUrl, ...rest } = server;
  const provider = createProvider({ ...rest, publicUrl });
  t.after(() => provider.close());
  return provider;
}

/** Signs ada in to what was asked for. */
async function signIn(browser: TestBrowser, url: string) {
  const login = { username: "ada", password: "ada-secret" };
  return await browser.submit(await browser.open(url), login);
}

test("R1: the real Keycloak asks nobody for a password without PKCE, nor with plain", {
  skip,
}, async () => {
  const cases: Parameters<TestBrowser["attempt"]>[0][] = [
    { code_challenge: undefined, code_challenge_method: undefined },
    { code_challenge_method: "plain" },
    // Without a method it is plain (RFC 7636 §4.3).
    { code_challenge_method: undefined },
  ];
  for (const overrides of cases) {
    const browser = server.openBrowser();
    const page = await browser.open(browser.attempt(overrides).url);
    const answer = new URL(page.url);
    assert.equal(`${answer.origin}${answer.pathname}`, server.redirectUri);
    assert.equal(answer.searchParams.get("error"), "invalid_request", JSON.stringify(overrides));
  }
});

test("R1: a code is worth nothing without its verifier, with another one, or a second time", {
  skip,
}, async () => {
  const newCode = async (): Promise<[TestBrowser, string, Attempt]> => {
    const browser = server.openBrowser();
    const attempt = browser.attempt();
    return [browser, await browser.signIn("ada", "ada-secret", attempt), attempt];
  };
  const [browser, code, attempt] = await newCode();
  const other = browser.attempt().verifier;
  assert.equal((await browser.redeem(code, other)).status, 400, "another verifier");
  assert.equal((await browser.redeem(code, attempt.verifier)).status, 400, "after a wrong one");
  const [second, fresh, { verifier }] = await newCode();
  assert.equal((await second.redeem(fresh, verifier)).status, 200);
  assert.equal((await second.redeem(fresh, verifier)).status, 400, "a second time");
});

test("R1: a redirect address that is not exactly the registered one is refused without a redirect", {
  skip,
}, async () => {
  const { redirectUri } = server;
  for (const redirect_uri of [
    `${redirectUri}/`,
    `${redirectUri}?x=1`,
    `${redirectUri}#x`,
    `${redirectUri}/../x`,
    redirectUri.replace("http:", "https:"),
    redirectUri.replace("hive.test", "hive.test.evil.test"),
    redirectUri.replace("hive.test", "ada@hive.test"),
    "http://evil.test/keycloak-callback",
    undefined,
  ]) {
    const browser = server.openBrowser();
    const page = await browser.open(browser.attempt({ redirect_uri }).url);
    assert.equal(page.status, 400, redirect_uri);
    assert.ok(page.url.startsWith(`${server.serverUrl}/`), redirect_uri);
  }
});

test("R3: the real Keycloak says who it is, in its metadata and in each answer", {
  skip,
}, async (t) => {
  const provider = connect(t);
  assert.deepEqual(await provider.readMetadata(), { namesItself: true });
  const browser = server.openBrowser();
  const end = new URL((await signIn(browser, browser.attempt().url)).url);
  assert.equal(end.searchParams.get("iss"), provider.issuer);
  const refused = browser.attempt({ prompt: "none", scope: "openid nonsense" });
  const answer = new URL((await browser.open(refused.url)).url);
  assert.ok(answer.searchParams.has("error"));
  assert.equal(answer.searchParams.get("iss"), provider.issuer);
});

test("R2: what Nexus redeems holds: ID token, nonce, and the same person in userinfo", {
  skip,
}, async (t) => {
  const provider = connect(t);
  const attempt = createLoginAttempt("/");
  const browser = server.openBrowser();
  const page = await signIn(browser, provider.authorizationUrl(attempt).href);
  const tokens = await provider.redeemCode(readCode(page, attempt), attempt);
  const { sub, groups, sid, preferred_username } = tokens.claims;
  assert.deepEqual([preferred_username, groups], ["ada", ["/technicians"]]);
  assert.equal(typeof sid, "string");
  assert.ok(tokens.refreshToken);
  const url = `${server.backendUrl}/realms/${server.realm}/protocol/openid-connect/userinfo`;
  const headers = { authorization: `Bearer ${tokens.accessToken}` };
  const userinfo = (await (await fetch(url, { headers })).json()) as Record<string, unknown>;
  assert.deepEqual(
    [userinfo["sub"], userinfo["groups"], userinfo["name"], userinfo["email"]],
    [sub, ["/technicians"], "Ada Lovelace", "ada@example.org"],
  );

  const another = { ...createLoginAttempt("/") };
  const next = await browser.open(provider.authorizationUrl(another).href);
  const swapped = { ...another, nonce: attempt.nonce };
  await assert.rejects(provider.redeemCode(readCode(next, another), swapped), {
    status: 400,
    message: /belongs to another attempt/,
  });
});
