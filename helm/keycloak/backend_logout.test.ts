import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startEmbeddedProvider } from "./testing.ts";
import { readCode, type TestBrowser } from "./testing_browser.ts";

const provider = await startEmbeddedProvider({ after });
const right = { username: "ada", password: "ada-secret" };

async function isSignedIn(browser: TestBrowser): Promise<boolean> {
  const page = await browser.open(browser.attempt().url);
  return page.url.startsWith(provider.redirectUri);
}

async function readError(response: Response): Promise<string> {
  return ((await response.json()) as { error: string }).error;
}

test("R8: a logout from the back end ends the browser's session and every token of it", async () => {
  const browser = provider.openBrowser();
  const { access_token, refresh_token } = await browser.obtainTokens("ada", "ada-secret");
  assert.equal(await isSignedIn(browser), true);

  const response = await browser.post("logout", { refresh_token });
  assert.equal(response.status, 204);
  assert.equal(await response.text(), "");
  assert.equal(await isSignedIn(browser), false);
  const refreshed = await browser.post("token", { grant_type: "refresh_token", refresh_token });
  assert.equal(refreshed.status, 400);
  const introspected = await browser.post("token/introspect", { token: access_token });
  assert.deepEqual(await introspected.json(), { active: false });
});

test("a logout leaves the same person's other browsers signed in", async () => {
  const [here, there] = [provider.openBrowser(), provider.openBrowser()];
  const { refresh_token } = await here.obtainTokens("ada", "ada-secret");
  await there.signIn("ada", "ada-secret");
  await here.post("logout", { refresh_token });
  assert.equal(await isSignedIn(here), false);
  assert.equal(await isSignedIn(there), true);
});

test("R8: after ten tabs signed in at once, one logout ends the browser's session", async () => {
  const browser = provider.openBrowser();
  const attempts = Array.from({ length: 10 }, () => browser.attempt());
  const pages = await Promise.all(attempts.map((attempt) => browser.open(attempt.url)));
  const ends = await Promise.all(pages.map((page) => browser.submit(page, right)));
  const [attempt, end] = [attempts[0], ends[0]];
  assert.ok(attempt && end);
  const response = await browser.redeem(readCode(end, attempt), attempt.verifier);
  const { refresh_token } = (await response.json()) as { refresh_token: string };
  assert.equal((await browser.post("logout", { refresh_token })).status, 204);
  assert.equal(await isSignedIn(browser), false);
});

test("without the client's secret nobody is signed out", async () => {
  const browser = provider.openBrowser();
  const { refresh_token } = await browser.obtainTokens("ada", "ada-secret");
  const wrong: Record<string, string>[] = [
    { client_secret: "wrong" },
    { client_secret: "" },
    { client_id: "stranger" },
  ];
  for (const credentials of wrong) {
    const response = await browser.post("logout", { refresh_token, ...credentials });
    assert.equal(response.status, 401);
    assert.equal(await readError(response), "invalid_client");
  }
  assert.equal(await isSignedIn(browser), true);
});

test("the client may prove itself by HTTP Basic", async () => {
  const browser = provider.openBrowser();
  const { refresh_token } = await browser.obtainTokens("ada", "ada-secret");
  const url = `${provider.backendUrl}/realms/hivematrix/protocol/openid-connect/logout`;
  const credential = Buffer.from(`${provider.clientId}:${provider.clientSecret}`);
  const headers = { authorization: `Basic ${credential.toString("base64")}` };
  const body = new URLSearchParams({ refresh_token });
  assert.equal((await fetch(url, { method: "POST", headers, body })).status, 204);
  assert.equal(await isSignedIn(browser), false);
});

test("a token that is unknown, or no refresh token, is 400 invalid_grant", async () => {
  const browser = provider.openBrowser();
  const { access_token } = await browser.obtainTokens("ada", "ada-secret");
  for (const refresh_token of ["unknown", "", access_token]) {
    const response = await browser.post("logout", { refresh_token });
    assert.equal(response.status, 400);
    assert.equal(await readError(response), "invalid_grant");
  }
  assert.equal(await isSignedIn(browser), true);
});

test("a second logout with the same token is 400: the session is gone already", async () => {
  const browser = provider.openBrowser();
  const { refresh_token } = await browser.obtainTokens("ada", "ada-secret");
  assert.equal((await browser.post("logout", { refresh_token })).status, 204);
  assert.equal((await browser.post("logout", { refresh_token })).status, 400);
});

test("the browser itself may sign out: it is asked first, then led to the start page", async () => {
  const browser = provider.openBrowser();
  const { id_token } = await browser.obtainTokens("ada", "ada-secret");
  const url = new URL(`${provider.issuer}/protocol/openid-connect/logout`);
  url.searchParams.set("id_token_hint", id_token);
  url.searchParams.set("post_logout_redirect_uri", "http://hive.test:8000/");
  const page = await browser.open(url.href);
  assert.equal(page.status, 200);
  assert.match(page.body, /<h1[^>]*>Sign out\?</);
  assert.match(page.body, /<link rel="stylesheet" href="\/static\/global\.css">/);
  assert.equal(await isSignedIn(browser), true);

  const end = await browser.submit(await browser.open(url.href), { logout: "yes" });
  assert.equal(end.url, "http://hive.test:8000/");
  assert.equal(await isSignedIn(browser), false);
});

test("signing out by a posted form works too, and ends on a page when no address is given", async () => {
  const browser = provider.openBrowser();
  await browser.signIn("ada", "ada-secret");
  const page = await browser.open(`${provider.issuer}/protocol/openid-connect/logout`, {
    method: "POST",
    body: new URLSearchParams({ client_id: provider.clientId }),
  });
  assert.match(page.body, /<h1[^>]*>Sign out\?</);
  const end = await browser.submit(page, { logout: "yes" });
  assert.match(end.body, /You are signed out/);
  assert.equal(await isSignedIn(browser), false);
});

test("who stays signed in after all is still signed in", async () => {
  const browser = provider.openBrowser();
  await browser.signIn("ada", "ada-secret");
  const page = await browser.open(`${provider.issuer}/protocol/openid-connect/logout`);
  await browser.submit(page, {});
  assert.equal(await isSignedIn(browser), true);
});

test("R4: after signing out nobody is led to an address that is not registered", async () => {
  const browser = provider.openBrowser();
  await browser.signIn("ada", "ada-secret");
  const url = new URL(`${provider.issuer}/protocol/openid-connect/logout`);
  url.searchParams.set("client_id", provider.clientId);
  url.searchParams.set("post_logout_redirect_uri", "https://evil.example/");
  const page = await browser.open(url.href);
  assert.equal(page.status, 400);
  assert.doesNotMatch(page.body, /evil/);
});
