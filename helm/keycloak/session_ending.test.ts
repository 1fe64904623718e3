// What ends at Core when something ends here: the real provider and a real Core, over HTTP.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { serve } from "@hivematrix/lib/serve";
import { waitFor } from "@hivematrix/lib/wait_for";
import { decodeJwt } from "jose";
import { startCore } from "../../core/testing.ts";
import { startEmbeddedProvider } from "./testing.ts";
import { readCode, type TestBrowser, type Tokens } from "./testing_browser.ts";

const provider = await startEmbeddedProvider({ after });
const { backendUrl, realm, clientId, clientSecret, issuer } = provider;
const keycloak = { backendUrl, realm, clientId, clientSecret, issuer };
const core = await startCore({ after }, { keycloak });
await provider.restart({ coreUrl: core.url });
const { accounts } = provider;

const password = "a-secret";
let people = 0;

async function createPerson(groups: string[] = []) {
  return await accounts.create({ username: `person-${++people}`, password, groups });
}

/** What Nexus does after a sign-in. @returns the user token */
async function exchange({ access_token, id_token, refresh_token }: Tokens): Promise<string> {
  const { sid } = decodeJwt(id_token);
  const body = { access_token, id_token, refresh_token, sid };
  const response = await core.post("/api/token/exchange", body);
  assert.equal(response.status, 200);
  return ((await response.json()) as { token: string }).token;
}

/** Another sign-in of a browser that is signed in here already, in another tab. */
async function openTab(browser: TestBrowser): Promise<string> {
  const attempt = browser.attempt();
  const code = readCode(await browser.open(attempt.url), attempt);
  return await exchange((await (await browser.redeem(code, attempt.verifier)).json()) as Tokens);
}

async function signIn(username: string, browser = provider.openBrowser()) {
  const tokens = await browser.obtainTokens(username, password);
  return { browser, tokens, token: await exchange(tokens) };
}

async function isLive(token: string): Promise<boolean> {
  return (await core.post("/api/token/validate", { token })).status === 200;
}

async function hasEnded(...tokens: string[]): Promise<void> {
  for (const token of tokens) await waitFor(async () => !(await isLive(token)));
}

async function passesUnseen(browser: TestBrowser): Promise<boolean> {
  return (await browser.open(browser.attempt().url)).url.startsWith(provider.redirectUri);
}

test("R34: who signs out at the provider is signed out of the platform, in this browser alone", async () => {
  const { username } = await createPerson();
  const { browser, token } = await signIn(username);
  const tab = await openTab(browser);
  const elsewhere = await signIn(username);
  const page = await browser.open(`${issuer}/protocol/openid-connect/logout`);
  assert.ok(await isLive(token), "only asked so far");
  await browser.submit(page, { logout: "yes" });
  await hasEnded(token, tab);
  assert.ok(await isLive(elsewhere.token));
  assert.equal(await passesUnseen(browser), false);
});

test("R34: a sign-out that the application asked for, with its ID token, does the same", async () => {
  const { browser, tokens, token } = await signIn((await createPerson()).username);
  const url = new URL(`${issuer}/protocol/openid-connect/logout`);
  url.searchParams.set("id_token_hint", tokens.id_token);
  await browser.submit(await browser.open(url.href), { logout: "yes" });
  await hasEnded(token);
});

test("R34: tabs that signed in at the same moment all end with the one sign-out", async () => {
  const { username } = await createPerson();
  const browser = provider.openBrowser();
  const attempts = Array.from({ length: 5 }, () => browser.attempt());
  const pages = await Promise.all(attempts.map(({ url }) => browser.open(url)));
  const ends = await Promise.all(pages.map((page) => browser.submit(page, { username, password })));
  const tabs = ends.map(async (end, index) => {
    const attempt = attempts[index] ?? browser.attempt();
    const response = await browser.redeem(readCode(end, attempt), attempt.verifier);
    return response.ok ? await exchange((await response.json()) as Tokens) : [];
  });
  const tokens = [...(await Promise.all(tabs)).flat(), await openTab(browser)];
  const page = await browser.open(`${issuer}/protocol/openid-connect/logout`);
  await browser.submit(page, { logout: "yes" });
  await hasEnded(...tokens);
});

test("R34: a logout from the back end ends the other sessions that came of the same sign-in", async () => {
  const { browser, token } = await signIn((await createPerson()).username);
  const tab = await openTab(browser);
  assert.equal((await core.post("/api/token/revoke", { token })).status, 200);
  assert.ok(!(await isLive(token)));
  await hasEnded(tab);
  assert.equal(await passesUnseen(browser), false);
});

test("R34: another person's sign-in in the same browser ends the session before it", async () => {
  const { browser, token } = await signIn((await createPerson()).username);
  const { username } = await createPerson();
  const attempt = browser.attempt({ prompt: "login" });
  const change = await browser.submit(await browser.open(attempt.url), { username, password });
  // oidc-provider ends the former session with a form that sends itself.
  const code = readCode(await browser.submit(change, {}), attempt);
  await hasEnded(token);
  assert.equal((await browser.redeem(code, attempt.verifier)).status, 200);
});

test("who only looks at the question whether to sign out stays signed in, also at Core", async () => {
  const { browser, tokens, token } = await signIn((await createPerson()).username);
  const url = new URL(`${issuer}/protocol/openid-connect/logout`);
  url.searchParams.set("id_token_hint", tokens.id_token);
  const page = await browser.open(url.href);
  assert.match(page.body, /<a [^>]*href="[^"]*hive\.test:8000[^"]*"><[^>]*>Stay signed in/);
  assert.equal(await passesUnseen(browser), true);
  assert.ok(await isLive(token));
});

const ends: Record<string, (id: string) => Promise<void>> = {
  disabled: (id) => accounts.setEnabled(id, false),
  deleted: (id) => accounts.remove(id),
  "given a new password": (id) => accounts.setPassword(id, "another-secret"),
};
for (const [what, end] of Object.entries(ends)) {
  test(`R9: a user who is ${what} loses every session, here and at Core`, async () => {
    const { id, username } = await createPerson();
    const sessions = [await signIn(username), await signIn(username)];
    const other = await signIn((await createPerson()).username);
    await end(id);
    await hasEnded(...sessions.map(({ token }) => token));
    for (const { browser, tokens } of sessions) {
      assert.equal(await passesUnseen(browser), false);
      const { refresh_token } = tokens;
      const refreshed = await browser.post("token", { grant_type: "refresh_token", refresh_token });
      assert.equal(refreshed.status, 400);
    }
    assert.ok(await isLive(other.token));
    assert.equal(await passesUnseen(other.browser), true);
  });

  test(`R9: a sign-in that waits to be completed is worth nothing once the user is ${what}`, async () => {
    const { id, username } = await createPerson();
    const browser = provider.openBrowser();
    const page = await browser.open(browser.attempt().url);
    // The form is sent, and the browser does not follow the answer yet.
    const action = /<form[^>]* action="([^"]*)"/.exec(page.body)?.[1]?.replaceAll("&#x2F;", "/");
    const answer = await browser.request(new URL(action ?? "", page.url).href, {
      method: "POST",
      headers: { origin: new URL(page.url).origin },
      body: new URLSearchParams({ username, password }),
    });
    assert.equal(answer.status, 303);
    await end(id);
    const late = await browser.open(new URL(answer.headers.get("location") ?? "", page.url).href);
    assert.equal(late.status, 400);
    assert.equal(await passesUnseen(browser), false);
  });
}

test("R9: a user who is enabled again is not signed in by that", async () => {
  const { id, username } = await createPerson();
  const { browser, token } = await signIn(username);
  await accounts.setEnabled(id, false);
  await accounts.setEnabled(id, true);
  await hasEnded(token);
  assert.equal(await passesUnseen(browser), false);
});

test("R23: a change of groups ends Core's sessions; the next page brings the new rights unasked", async () => {
  const { id, username } = await createPerson(["admins"]);
  const { browser, token } = await signIn(username);
  assert.equal(decodeJwt(token)["permission_level"], "admin");
  await accounts.removeFromGroup(id, "admins");
  await hasEnded(token);
  const demoted = await openTab(browser);
  assert.equal(decodeJwt(demoted)["permission_level"], "client");
  await accounts.addToGroup(id, "technicians");
  await hasEnded(demoted);
  assert.equal(decodeJwt(await openTab(browser))["permission_level"], "technician");
});

test("R23: joining a group that one is in, or leaving one that one is not in, ends nothing", async () => {
  const { id, username } = await createPerson(["billing"]);
  const { token } = await signIn(username);
  await accounts.addToGroup(id, "billing");
  await accounts.removeFromGroup(id, "admins");
  // Messages are told in their order, so one for this person would have come before this one.
  const next = await createPerson();
  const { token: marker } = await signIn(next.username);
  await accounts.setEnabled(next.id, false);
  await hasEnded(marker);
  assert.ok(await isLive(token));
});

test("R9: a user who is disabled or demoted while Core makes the session does not keep it", async (t) => {
  // Between Core and the provider: lets a change happen when Core has just learned who it is.
  let onceKnown = async () => {};
  const relay = await serve(
    async (request) => {
      const { pathname } = new URL(request.url);
      const answer = await fetch(backendUrl + pathname, { headers: request.headers });
      const body = await answer.text();
      if (pathname.endsWith("/userinfo")) await onceKnown();
      return new Response(body, { status: answer.status });
    },
    { port: 0, drainTimeoutMs: 100 },
  );
  t.after(() => relay.close());
  const late = await startCore(t, { keycloak: { ...keycloak, backendUrl: relay.url.origin } });
  await provider.restart({ coreUrl: late.url });
  t.after(() => provider.restart({ coreUrl: core.url }));
  const changes: Record<string, (id: string) => Promise<void>> = {
    disabled: (id) => provider.accounts.setEnabled(id, false),
    demoted: (id) => provider.accounts.removeFromGroup(id, "admins"),
  };
  for (const [what, change] of Object.entries(changes)) {
    const username = `late-${what}`;
    const user = { username, password, groups: ["admins"] };
    const { id } = await provider.accounts.create(user);
    const { access_token } = await provider.openBrowser().obtainTokens(username, password);
    onceKnown = async () => {
      onceKnown = async () => {};
      await change(id);
      await waitFor(() =>
        provider.lines.some((line) => /told Core/.test(line) && line.includes(id)),
      );
    };
    const response = await late.post("/api/token/exchange", { access_token });
    assert.equal(response.status, what === "disabled" ? 401 : 503);
    assert.deepEqual(await late.sessions.list(id, 10), []);
  }
});
