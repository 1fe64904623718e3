import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestPostgres } from "@hivematrix/lib/testing";
import { createRemoteJWKSet, decodeJwt, jwtVerify } from "jose";
import { startEmbeddedProvider } from "./testing.ts";
import { readCode, type Tokens } from "./testing_browser.ts";

const provider = await startEmbeddedProvider({ after });
const realm = `${provider.backendUrl}/realms/hivematrix`;
const keys = createRemoteJWKSet(new URL(`${realm}/protocol/openid-connect/certs`));

async function readUserinfo(accessToken: string): Promise<Response> {
  const headers = { authorization: `Bearer ${accessToken}` };
  return await fetch(`${realm}/protocol/openid-connect/userinfo`, { headers });
}

/** The parameters that the application was answered with. */
function readAnswer(url: string): Record<string, string> {
  assert.ok(url.startsWith(`${provider.redirectUri}?`), url);
  return Object.fromEntries(new URL(url).searchParams);
}

test("discovery names Keycloak's paths at the public address", async () => {
  const response = await fetch(`${realm}/.well-known/openid-configuration`);
  const metadata = (await response.json()) as Record<string, unknown>;
  const endpoints = "http://hive.test:8000/keycloak/realms/hivematrix/protocol/openid-connect";
  assert.equal(metadata["issuer"], "http://hive.test:8000/keycloak/realms/hivematrix");
  assert.equal(metadata["authorization_endpoint"], `${endpoints}/auth`);
  assert.equal(metadata["token_endpoint"], `${endpoints}/token`);
  assert.equal(metadata["userinfo_endpoint"], `${endpoints}/userinfo`);
  assert.equal(metadata["jwks_uri"], `${endpoints}/certs`);
  assert.equal(metadata["end_session_endpoint"], `${endpoints}/logout`);
  assert.equal(metadata["revocation_endpoint"], `${endpoints}/revoke`);
  assert.equal(metadata["introspection_endpoint"], `${endpoints}/token/introspect`);
  assert.deepEqual(metadata["response_types_supported"], ["code"]);
  assert.deepEqual(metadata["code_challenge_methods_supported"], ["S256"]);
  assert.deepEqual(metadata["id_token_signing_alg_values_supported"], ["RS256"]);
  assert.equal(metadata["authorization_response_iss_parameter_supported"], true);
});

test("no header changes the addresses that the provider names", async () => {
  const headers = {
    "x-forwarded-host": "evil.example",
    "x-forwarded-proto": "https",
    "x-forwarded-prefix": "/evil",
    forwarded: "host=evil.example",
  };
  const response = await fetch(`${realm}/.well-known/openid-configuration`, { headers });
  assert.doesNotMatch(await response.text(), /evil|https:/);
  const attempt = provider.openBrowser();
  const page = await attempt.request(attempt.attempt().url, { headers });
  assert.match(
    page.headers.get("location") ?? "",
    /^\/keycloak\/realms\/hivematrix\/login-actions/,
  );
});

test("a person signs in by code and PKCE; the ID token says who it is", async () => {
  const browser = provider.openBrowser();
  const attempt = browser.attempt();
  const page = await browser.open(attempt.url);
  const end = await browser.submit(page, { username: "ada", password: "ada-secret" });
  const answer = readAnswer(end.url);
  assert.deepEqual(Object.keys(answer).sort(), ["code", "iss", "state"]);
  assert.equal(answer["iss"], provider.issuer);
  assert.equal(answer["state"], attempt.state);

  const response = await browser.redeem(answer["code"] ?? "", attempt.verifier);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("cache-control"), "no-store");
  const tokens = (await response.json()) as Tokens & { expires_in: number };
  assert.equal(tokens.expires_in, 300);
  const { payload, protectedHeader } = await jwtVerify(tokens.id_token, keys, {
    issuer: provider.issuer,
    audience: provider.clientId,
    algorithms: ["RS256"],
  });
  assert.ok(protectedHeader.kid);
  assert.equal(payload["nonce"], attempt.nonce);
  assert.equal(payload["preferred_username"], "ada");
  assert.equal(payload["name"], "Ada Lovelace");
  assert.equal(payload["email"], "ada@example.org");
  assert.deepEqual(payload["groups"], ["technicians"]);
  assert.equal(typeof payload["sid"], "string");

  const userinfo = await (await readUserinfo(tokens.access_token)).json();
  const { sub, preferred_username, name, email, groups } = payload;
  const names = { given_name: "Ada", family_name: "Lovelace" };
  assert.deepEqual(userinfo, { sub, preferred_username, name, ...names, email, groups });
});

test("name, e-mail address and groups come although only openid was asked for", async () => {
  const browser = provider.openBrowser();
  const attempt = browser.attempt({ scope: "openid" });
  const code = await browser.signIn("ada", "ada-secret", attempt);
  const tokens = (await (await browser.redeem(code, attempt.verifier)).json()) as Tokens;
  const { payload } = await jwtVerify(tokens.id_token, keys);
  assert.deepEqual([payload["email"], payload["groups"]], ["ada@example.org", ["technicians"]]);
  const userinfo = (await (await readUserinfo(tokens.access_token)).json()) as typeof payload;
  assert.deepEqual([userinfo["name"], userinfo["groups"]], ["Ada Lovelace", ["technicians"]]);
});

test("who is signed in already passes without a page", async () => {
  const browser = provider.openBrowser();
  await browser.signIn("ada", "ada-secret");
  const attempt = browser.attempt();
  const code = readCode(await browser.open(attempt.url), attempt);
  assert.equal((await browser.redeem(code, attempt.verifier)).status, 200);
});

test("R1: a code is good once; a replay is refused and ends what the first one got", async () => {
  const browser = provider.openBrowser();
  const attempt = browser.attempt();
  const code = await browser.signIn("ada", "ada-secret", attempt);
  const first = (await (await browser.redeem(code, attempt.verifier)).json()) as Tokens;
  const replay = await browser.redeem(code, attempt.verifier);
  assert.equal(replay.status, 400);
  assert.equal(((await replay.json()) as { error: string }).error, "invalid_grant");
  assert.equal((await readUserinfo(first.access_token)).status, 401);
});

test("R1: of ten requests with one code at the same moment one gets tokens", async () => {
  const browser = provider.openBrowser();
  const attempt = browser.attempt();
  const code = await browser.signIn("ada", "ada-secret", attempt);
  const redeem = () => browser.redeem(code, attempt.verifier);
  const statuses = (await Promise.all(Array.from({ length: 10 }, redeem))).map((r) => r.status);
  assert.deepEqual(statuses.sort(), [200, ...Array(9).fill(400)]);
});

test("R1: a wrong or missing code verifier is refused", async () => {
  const browser = provider.openBrowser();
  for (const verifier of [browser.attempt().verifier, ""]) {
    const code = await browser.signIn("ada", "ada-secret");
    const response = await browser.redeem(code, verifier);
    assert.equal(response.status, 400);
    assert.equal(((await response.json()) as { error: string }).error, "invalid_grant");
    browser.cookies.length = 0;
  }
});

test("R1: a request without PKCE, or with the plain method, is refused at the start", async () => {
  const browser = provider.openBrowser();
  const without = { code_challenge: undefined, code_challenge_method: undefined };
  for (const overrides of [without, { code_challenge_method: "plain" }]) {
    const answer = readAnswer((await browser.open(browser.attempt(overrides).url)).url);
    assert.equal(answer["error"], "invalid_request");
    assert.equal(answer["code"], undefined);
  }
});

test("R4: a redirect URI that is not the registered one gets a page and no redirect", async () => {
  const browser = provider.openBrowser();
  const wrong = [
    "https://evil.example/keycloak-callback",
    "http://hive.test:8000/keycloak-callback/",
    "http://hive.test:8000/keycloak-callback?next=x",
    "http://hive.test:8000/KEYCLOAK-callback",
    "http://hive.test/keycloak-callback",
    "//hive.test:8000/keycloak-callback",
    undefined,
  ];
  for (const redirect_uri of wrong) {
    const page = await browser.request(browser.attempt({ redirect_uri }).url);
    assert.equal(page.status, 400, String(redirect_uri));
    assert.equal(page.headers.get("location"), null, String(redirect_uri));
    assert.match(page.headers.get("content-type") ?? "", /^text\/html/);
    assert.match(page.body, /This link does not work/);
  }
});

test("an unknown client gets a page and no redirect", async () => {
  const browser = provider.openBrowser();
  const page = await browser.request(browser.attempt({ client_id: "stranger" }).url);
  assert.equal(page.status, 400);
  assert.match(page.body, /This link does not work/);
});

test("only the code flow is there", async () => {
  const browser = provider.openBrowser();
  for (const response_type of ["token", "id_token", "code id_token"]) {
    const page = await browser.open(browser.attempt({ response_type }).url);
    assert.match(page.url, /error=unsupported_response_type/, response_type);
  }
  const grant = { grant_type: "password", username: "ada", password: "ada-secret" };
  const response = await browser.post("token", grant);
  assert.equal(((await response.json()) as { error: string }).error, "unsupported_grant_type");
});

test("the client's secret is asked for, in the form or by HTTP Basic", async () => {
  const browser = provider.openBrowser();
  const wrong = await browser.post("token", { grant_type: "refresh_token", client_secret: "no" });
  assert.equal(wrong.status, 401);

  const attempt = browser.attempt();
  const code = await browser.signIn("ada", "ada-secret", attempt);
  const credential = Buffer.from(`${provider.clientId}:${provider.clientSecret}`);
  const response = await fetch(`${realm}/protocol/openid-connect/token`, {
    method: "POST",
    headers: { authorization: `Basic ${credential.toString("base64")}` },
    body: new URLSearchParams({
      grant_type: "authorization_code",
      redirect_uri: provider.redirectUri,
      code,
      code_verifier: attempt.verifier,
    }),
  });
  assert.equal(response.status, 200);
});

test("a refresh token gives fresh tokens, also to two requests at once", async () => {
  const browser = provider.openBrowser();
  const { refresh_token } = await browser.obtainTokens("ada", "ada-secret");
  const refresh = () => browser.post("token", { grant_type: "refresh_token", refresh_token });
  for (const response of await Promise.all([refresh(), refresh()])) {
    assert.equal(response.status, 200);
    const fresh = (await response.json()) as Tokens;
    assert.equal((await readUserinfo(fresh.access_token)).status, 200);
    assert.deepEqual((await jwtVerify(fresh.id_token, keys)).payload["groups"], ["technicians"]);
  }
});

test("introspection knows a live token from a revoked one", async () => {
  const browser = provider.openBrowser();
  const { access_token: token } = await browser.obtainTokens("ada", "ada-secret");
  const isActive = async () => {
    const response = await browser.post("token/introspect", { token });
    return ((await response.json()) as { active: boolean }).active;
  };
  assert.equal(await isActive(), true);
  assert.equal((await browser.post("revoke", { token })).status, 200);
  assert.equal(await isActive(), false);
});

test("a change of groups is in the next userinfo", async () => {
  const { id } = await provider.accounts.create({ username: "linus", password: "linus-secret" });
  const { access_token } = await provider.openBrowser().obtainTokens("linus", "linus-secret");
  await provider.accounts.addToGroup(id, "billing");
  const userinfo = (await (await readUserinfo(access_token)).json()) as { groups: string[] };
  assert.deepEqual(userinfo.groups, ["billing"]);
});

test("a disabled user's tokens and session are worth nothing at once", async () => {
  const { id } = await provider.accounts.create({ username: "mallory", password: "m-secret" });
  const browser = provider.openBrowser();
  const { access_token, refresh_token } = await browser.obtainTokens("mallory", "m-secret");
  await provider.accounts.setEnabled(id, false);
  assert.equal((await readUserinfo(access_token)).status, 401);
  const refreshed = await browser.post("token", { grant_type: "refresh_token", refresh_token });
  assert.equal(refreshed.status, 400);
  const page = await browser.open(browser.attempt().url);
  assert.match(page.body, /<h1[^>]*>Sign in</);
});

test("ten tabs at once get working codes although their session has to be granted anew", async () => {
  const browser = provider.openBrowser();
  const attempt = browser.attempt();
  const code = await browser.signIn("ada", "ada-secret", attempt);
  await browser.redeem(code, attempt.verifier);
  // A replay takes the session's grant away.
  await browser.redeem(code, attempt.verifier);
  const attempts = Array.from({ length: 10 }, () => browser.attempt());
  const ends = await Promise.all(attempts.map(({ url }) => browser.open(url)));
  const codes = ends.map((end, index) => readCode(end, attempts[index] ?? attempt));
  const answers = await Promise.all(
    codes.map((one, index) => browser.redeem(one, attempts[index]?.verifier ?? "")),
  );
  assert.deepEqual(
    answers.map(({ status }) => status),
    Array(10).fill(200),
  );
});

test("who finds a session of a user who may not sign in any more can sign in as another", async (t) => {
  const { url, sql } = await startTestPostgres(t);
  const own = await startEmbeddedProvider(t, { databaseUrl: url });
  await own.accounts.create({ username: "grace", password: "grace-secret" });
  const browser = own.openBrowser();
  await browser.signIn("ada", "ada-secret");
  // As when disabling and a request that saves the session fall together.
  await sql`UPDATE users SET is_enabled = false WHERE username = 'ada'`;
  const attempt = browser.attempt();
  const page = await browser.open(attempt.url);
  assert.match(page.body, /<h1[^>]*>Sign in</);
  const change = await browser.submit(page, { username: "grace", password: "grace-secret" });
  // oidc-provider ends the former session first, with a form that sends itself.
  assert.match(change.headers.get("content-security-policy") ?? "", /script-src 'sha256-/);
  const code = readCode(await browser.submit(change, {}), attempt);
  const tokens = (await (await browser.redeem(code, attempt.verifier)).json()) as Tokens;
  assert.equal(decodeJwt(tokens.id_token)["preferred_username"], "grace");
});

test("with prompt=none nobody sees a page: who is not signed in is an error", async () => {
  const browser = provider.openBrowser();
  const page = await browser.open(browser.attempt({ prompt: "none" }).url);
  assert.equal(readAnswer(page.url)["error"], "login_required");
});

test("R7: every cookie is for the provider's public path, HttpOnly and SameSite=Lax", async () => {
  const browser = provider.openBrowser();
  await browser.obtainTokens("ada", "ada-secret");
  assert.ok(browser.setCookies.length >= 6, "sign-in, resume and session, each signed");
  for (const cookie of browser.setCookies) {
    assert.match(cookie, /; path=\/keycloak\/realms\/hivematrix\//, cookie);
    assert.match(cookie, /; samesite=lax/, cookie);
    assert.match(cookie, /; httponly/, cookie);
    assert.doesNotMatch(cookie, /; (secure|domain)/, cookie);
  }
});

test("R7: with a public address of https every cookie is Secure", async (t) => {
  const secure = await startEmbeddedProvider(t, { publicOrigin: "https://hive.test" });
  const browser = secure.openBrowser();
  await browser.obtainTokens("ada", "ada-secret");
  for (const cookie of browser.setCookies) assert.match(cookie, /; secure/, cookie);
});

test("R6: a planted session cookie is not the one that is signed in", async () => {
  const browser = provider.openBrowser();
  const planted = "planted-session-id-planted-session-id-1234";
  browser.cookies.push({ name: "hive_sso", value: planted, path: "/keycloak/realms/hivematrix/" });
  await browser.signIn("ada", "ada-secret");
  const session = browser.cookies.find(({ name }) => name === "hive_sso")?.value ?? "";
  assert.notEqual(session, planted);
  assert.ok(session.length * 6 >= 128, `${session.length} characters of 6 bits`);
});

test("the log has no password, code, token or cookie in it", async () => {
  const browser = provider.openBrowser();
  const attempt = browser.attempt();
  const code = await browser.signIn("ada", "ada-secret", attempt);
  const tokens = (await (await browser.redeem(code, attempt.verifier)).json()) as Tokens;
  await browser.redeem(code, attempt.verifier);
  const log = provider.lines.join("");
  assert.match(log, /signed in/);
  assert.match(log, /request refused/);
  const { access_token, id_token, refresh_token } = tokens;
  const cookies = browser.cookies.map(({ value }) => value);
  const secrets = ["ada-secret", provider.clientSecret, code, attempt.verifier, attempt.nonce];
  for (const secret of [...secrets, access_token, id_token, refresh_token, ...cookies]) {
    assert.ok(!log.includes(secret), secret);
  }
});
