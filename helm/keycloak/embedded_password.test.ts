import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, test } from "node:test";
import { startTestPostgres } from "@hivematrix/lib/testing";
import { startEmbeddedProvider } from "./testing.ts";
import { type Page, readCode, type TestBrowser } from "./testing_browser.ts";

const { url: databaseUrl, sql } = await startTestPostgres({ after });
const provider = await startEmbeddedProvider({ after }, { users: [], databaseUrl });
const title = /<h1[^>]*>Choose a new password<\/h1>/;
const chosen = { "password-new": "my-own-secret", "password-confirm": "my-own-secret" };

/** Somebody whose password, `given-secret`, was set by somebody else. */
async function makeNewcomer({ mustChangePassword = true } = {}) {
  const username = `newcomer${randomBytes(4).toString("hex")}`;
  const user = { username, password: "given-secret", mustChangePassword };
  const { id } = await provider.accounts.create({ ...user, name: "Nora Newcomer" });
  return { id, username };
}

async function openPasswordPage(
  browser: TestBrowser,
  username: string,
  attempt = browser.attempt(),
) {
  const login = await browser.open(attempt.url);
  const page = await browser.submit(login, { username, password: "given-secret" });
  assert.match(page.body, title);
  return { attempt, page };
}

async function isSignedIn(browser: TestBrowser): Promise<boolean> {
  const end = await browser.open(browser.attempt().url);
  return end.url.startsWith(provider.redirectUri);
}

test("who signs in with a given password chooses another one first, then is signed in", async () => {
  const { id, username } = await makeNewcomer();
  const browser = provider.openBrowser();
  const { attempt, page } = await openPasswordPage(browser, username);
  assert.equal(page.status, 200);
  const end = await browser.submit(page, chosen);
  const answer = await browser.redeem(readCode(end, attempt), attempt.verifier);
  assert.equal(answer.status, 200);
  assert.equal((await provider.accounts.find(id))?.mustChangePassword, false);
  assert.equal(await provider.accounts.checkPassword(username, "given-secret"), undefined);
  const other = provider.openBrowser();
  await other.signIn(username, "my-own-secret");
});

test("the page says the rule, is labelled, and works without a script and with password managers", async () => {
  const { username } = await makeNewcomer();
  const { page } = await openPasswordPage(provider.openBrowser(), username);
  assert.match(page.body, /<label for="password-new">New password<\/label>/);
  assert.match(page.body, /id="password-new"[^>]* autocomplete="new-password"[^>]* minlength="8"/);
  assert.match(page.body, /aria-describedby="password-rule"/);
  assert.match(page.body, /id="password-rule">At least 8 characters, and not the one you have now/);
  assert.match(page.body, /<label for="password-confirm">/);
  assert.match(page.body, new RegExp(`value="${username}" autocomplete="username" readonly`));
  assert.doesNotMatch(page.body, /<script|style=/);
  assert.equal(page.headers.get("cache-control"), "no-store");
});

test("a password that breaks the rule is refused with the reason, and never shown", async () => {
  const { id, username } = await makeNewcomer();
  const browser = provider.openBrowser();
  const { page } = await openPasswordPage(browser, username);
  const refusals: [string, string, RegExp][] = [
    ["short", "short", /too short: it needs at least 8 characters/],
    ["\u{1f511}".repeat(7), "\u{1f511}".repeat(7), /too short/],
    ["my-own-secret", "my-own-secreT", /not the same/],
    ["given-secret", "given-secret", /the password that you have/],
    [username.toUpperCase(), username.toUpperCase(), /must not be your name/],
    ["nora newcomer", "nora newcomer", /must not be your name/],
    ["x".repeat(1025), "x".repeat(1025), /too long/],
    ["", "", /too short/],
  ];
  for (const [password, repeated, reason] of refusals) {
    const fields = { "password-new": password, "password-confirm": repeated };
    const again = await browser.submit(page, fields);
    assert.equal(again.status, 400, password);
    assert.match(again.body, reason);
    assert.match(again.body, /role="alert" id="problem"/);
    assert.match(again.body, /aria-describedby="problem password-rule" aria-invalid="true"/);
    assert.doesNotMatch(again.body, /my-own-secret|given-secret/);
  }
  assert.equal((await provider.accounts.find(id))?.mustChangePassword, true);
});

test("nothing is to be had before the password is chosen, in no other tab either", async () => {
  const { username } = await makeNewcomer();
  const browser = provider.openBrowser();
  await openPasswordPage(browser, username);
  assert.match((await browser.open(browser.attempt().url)).body, title);
  const silent = await browser.open(browser.attempt({ prompt: "none" }).url);
  assert.equal(new URL(silent.url).searchParams.get("error"), "interaction_required");
});

test("ten tabs all get to their end with one password chosen in one of them", async () => {
  const { username } = await makeNewcomer();
  const browser = provider.openBrowser();
  const attempts = Array.from({ length: 10 }, () => browser.attempt());
  const first = await openPasswordPage(browser, username, attempts[0]);
  const pages = [first.page];
  for (const attempt of attempts.slice(1)) pages.push(await browser.open(attempt.url));
  for (const page of pages) assert.match(page.body, title);
  const ends = await Promise.all(pages.map((page) => browser.submit(page, chosen)));
  for (const [index, attempt] of attempts.entries()) {
    const end = ends[index] as Page;
    const answer = await browser.redeem(readCode(end, attempt), attempt.verifier);
    assert.equal(answer.status, 200, `tab ${index}`);
  }
  assert.ok(await provider.accounts.checkPassword(username, "my-own-secret"));
});

test("a tab whose request was on its way while another one ended finds its session", async () => {
  const { username } = await makeNewcomer();
  const browser = provider.openBrowser();
  const { page } = await openPasswordPage(browser, username);
  const attempt = browser.attempt();
  const late = await browser.open(attempt.url);
  const onItsWay = provider.openBrowser();
  onItsWay.cookies.push(...browser.cookies);
  await browser.submit(page, chosen);
  assert.ok(readCode(await onItsWay.submit(late, chosen), attempt));
});

test("a tab that still shows the page when another has chosen goes on, and changes nothing", async () => {
  const { username } = await makeNewcomer();
  const browser = provider.openBrowser();
  const { page } = await openPasswordPage(browser, username);
  const attempt = browser.attempt();
  const late = await browser.open(attempt.url);
  await browser.submit(page, chosen);
  const other = { "password-new": "quite-another", "password-confirm": "quite-another" };
  assert.ok(readCode(await browser.submit(late, other), attempt));
  assert.ok(await provider.accounts.checkPassword(username, "my-own-secret"));
});

test("the back button leads to no page that would change the password again", async () => {
  const { username } = await makeNewcomer();
  const browser = provider.openBrowser();
  const { page } = await openPasswordPage(browser, username);
  await browser.submit(page, chosen);
  for (const back of [await browser.open(page.url), await browser.submit(page, chosen)]) {
    assert.equal(back.status, 400);
    assert.match(back.body, /This sign-in has expired/);
  }
});

test("R12: a chosen password ends the person's other sessions and sign-ins, not the one it is chosen in", async () => {
  const { id, username } = await makeNewcomer({ mustChangePassword: false });
  const [here, there, waiting] = [1, 2, 3].map(() => provider.openBrowser()) as [
    TestBrowser,
    TestBrowser,
    TestBrowser,
  ];
  const kept = await here.obtainTokens(username, "given-secret");
  const ended = await there.obtainTokens(username, "given-secret");
  // The password was right, and the browser has not gone on yet.
  const login = await waiting.open(waiting.attempt().url);
  const action = /action="([^"]*)"/.exec(login.body)?.[1]?.replaceAll("&#x2F;", "/") ?? "";
  const half = await waiting.request(new URL(action, login.url).href, {
    method: "POST",
    body: new URLSearchParams({ username, password: "given-secret" }),
  });
  const page = await here.open(here.attempt({ kc_action: "UPDATE_PASSWORD" }).url);
  assert.match(page.body, /signed out everywhere else/);
  assert.ok((await here.submit(page, chosen)).url.startsWith(provider.redirectUri));

  assert.deepEqual([await isSignedIn(here), await isSignedIn(there)], [true, false]);
  const resumed = await waiting.open(new URL(half.headers.get("location") ?? "", half.url).href);
  assert.match(resumed.body, /This sign-in has expired/);
  const userinfo = async (token: string) => {
    const path = "/realms/hivematrix/protocol/openid-connect/userinfo";
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(provider.backendUrl + path, { headers })).status;
  };
  assert.equal(await userinfo(kept.access_token), 200);
  assert.equal(await userinfo(ended.access_token), 401);
  // Core is told of the one session alone.
  const messages = await sql`SELECT sid FROM logout_messages WHERE sub = ${id}`;
  const sid = (token: string) =>
    JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()).sid;
  assert.deepEqual(
    messages.map((message) => message["sid"]),
    [sid(ended.id_token)],
  );
});

test("who cancels goes back with access_denied, and is asked for the password the next time", async () => {
  const { id, username } = await makeNewcomer();
  const browser = provider.openBrowser();
  const { attempt, page } = await openPasswordPage(browser, username);
  const end = new URL((await browser.submit(page, { action: "cancel" })).url);
  assert.ok(end.href.startsWith(provider.redirectUri), end.href);
  assert.equal(end.searchParams.get("error"), "access_denied");
  assert.equal(end.searchParams.get("state"), attempt.state);
  assert.match((await browser.open(browser.attempt().url)).body, /<h1[^>]*>Sign in</);
  assert.equal((await provider.accounts.find(id))?.mustChangePassword, true);
});

test("who asked for the page may leave it as it is and stays signed in", async () => {
  const { username } = await makeNewcomer({ mustChangePassword: false });
  const browser = provider.openBrowser();
  await browser.signIn(username, "given-secret");
  const attempt = browser.attempt({ kc_action: "UPDATE_PASSWORD" });
  const page = await browser.open(attempt.url);
  assert.ok(readCode(await browser.submit(page, { action: "cancel" }), attempt));
  assert.ok(await provider.accounts.checkPassword(username, "given-secret"));
});

test("a password is changed only shortly after a sign-in, else the present one is asked for first", async () => {
  for (const mustChangePassword of [false, true]) {
    const { id, username } = await makeNewcomer({ mustChangePassword: false });
    const browser = provider.openBrowser();
    await browser.signIn(username, "given-secret");
    await sql`UPDATE oidc_records SET payload = jsonb_set(payload, '{loginTs}',
        to_jsonb((payload ->> 'loginTs')::int - 400)) WHERE model = 'Session' AND account_id = ${id}`;
    await provider.accounts.update(id, { mustChangePassword });
    const attempt = browser.attempt({ kc_action: "UPDATE_PASSWORD" });
    const login = await browser.open(attempt.url);
    assert.match(login.body, /<h1[^>]*>Sign in</);
    const page = await browser.submit(login, { username, password: "given-secret" });
    assert.match(page.body, title);
    assert.ok(readCode(await browser.submit(page, chosen), attempt));
  }
});

test("R9: who is disabled, or given yet another password, while the page is open gets no further", async () => {
  const orders = [
    (id: string) => provider.accounts.setEnabled(id, false),
    (id: string) => provider.accounts.setPassword(id, "other-secret", { mustChangePassword: true }),
    (id: string) => provider.accounts.remove(id),
  ];
  for (const order of orders) {
    const { id, username } = await makeNewcomer();
    const browser = provider.openBrowser();
    const { page } = await openPasswordPage(browser, username);
    await order(id);
    assert.match((await browser.submit(page, chosen)).body, /This sign-in has expired/);
    assert.equal(await provider.accounts.checkPassword(username, "my-own-secret"), undefined);
  }
});

test("R13: neither another site's form nor another browser's attempt changes a password", async () => {
  const { username } = await makeNewcomer();
  const browser = provider.openBrowser();
  const { page } = await openPasswordPage(browser, username);
  const foreign = await browser.submit(page, chosen, { origin: "https://evil.example" });
  assert.equal(foreign.status, 403);
  assert.match((await provider.openBrowser().open(page.url)).body, /This sign-in has expired/);
  // The attempt's cookie at the path of the other page.
  const uid = page.url.split("/").at(-1) ?? "";
  const login = page.url.replace("required-action", "authenticate");
  browser.cookies.push(
    ...browser.cookies
      .filter(({ path }) => path.endsWith(uid))
      .map((cookie) => ({ ...cookie, path: new URL(login).pathname })),
  );
  assert.match((await browser.open(login)).body, /This sign-in has expired/);
});
