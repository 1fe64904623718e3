import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startEmbeddedProvider } from "./testing.ts";
import { readCode } from "./testing_browser.ts";

const provider = await startEmbeddedProvider({ after });
const right = { username: "ada", password: "ada-secret" };

test("the page is a whole document that works without a script, for password managers too", async () => {
  const browser = provider.openBrowser();
  const { status, body, headers } = await browser.open(browser.attempt().url);
  assert.equal(status, 200);
  assert.match(body, /^<!doctype html>/);
  assert.match(body, /<link rel="stylesheet" href="\/static\/global\.css">/);
  assert.match(body, /<label for="username">/);
  assert.match(body, /<input id="username"[^>]* autocomplete="username"[^>]* autofocus/);
  assert.match(body, /<label for="password">/);
  assert.match(
    body,
    /<input id="password"[^>]* type="password"[^>]* autocomplete="current-password"/,
  );
  assert.doesNotMatch(body, /<script|style=/);
  assert.match(headers.get("content-type") ?? "", /^text\/html; charset=utf-8$/);
});

test("the page is neither framed, cached, mixed with foreign content nor told to others", async () => {
  const browser = provider.openBrowser();
  const { headers } = await browser.open(browser.attempt().url);
  const policy = headers.get("content-security-policy") ?? "";
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.match(policy, /base-uri 'none'/);
  assert.doesNotMatch(policy, /unsafe/);
  assert.equal(headers.get("x-frame-options"), "DENY");
  assert.equal(headers.get("cache-control"), "no-store");
  assert.equal(headers.get("x-content-type-options"), "nosniff");
  assert.equal(headers.get("referrer-policy"), "same-origin");
});

test("a wrong password shows the page again with the user name kept", async () => {
  const browser = provider.openBrowser();
  const attempt = browser.attempt();
  const page = await browser.open(attempt.url);
  const again = await browser.submit(page, { username: "ada", password: "wrong" });
  assert.equal(again.status, 403);
  assert.match(again.body, /role="alert">The user name or the password is not right/);
  assert.match(again.body, /<input id="username"[^>]* value="ada"/);
  assert.match(again.body, /<input id="password"[^>]* autofocus/);
  assert.doesNotMatch(again.body, /wrong/);
  assert.ok(readCode(await browser.submit(again, right), attempt));
});

test("wrong password, unknown user and disabled user get the same answer", async () => {
  const { id } = await provider.accounts.create({ username: "left", password: "left-secret" });
  await provider.accounts.setEnabled(id, false);
  const browser = provider.openBrowser();
  const page = await browser.open(browser.attempt().url);
  const answer = async (username: string, password: string) => {
    const { status, body } = await browser.submit(page, { username, password });
    return { status, body: body.replaceAll(username, "NAME") };
  };
  const wrong = await answer("ada", "wrong");
  assert.equal(wrong.status, 403);
  assert.deepEqual(await answer("nobody", "wrong"), wrong);
  assert.deepEqual(await answer("left", "left-secret"), wrong);
});

test("what was typed as user name is shown as text, never as markup", async () => {
  const browser = provider.openBrowser();
  const page = await browser.open(browser.attempt().url);
  const username = '"><script>alert(1)</script>';
  const { body } = await browser.submit(page, { username, password: "x" });
  assert.doesNotMatch(body, /<script/);
  assert.match(body, /&quot;&gt;&lt;script&gt;/);
});

test("Cancel leads back to the application with access_denied, and the attempt is over", async () => {
  const browser = provider.openBrowser();
  const attempt = browser.attempt();
  const page = await browser.open(attempt.url);
  const end = await browser.submit(page, { action: "cancel", username: "", password: "" });
  const answer = Object.fromEntries(new URL(end.url).searchParams);
  assert.ok(end.url.startsWith(provider.redirectUri), end.url);
  assert.equal(answer["error"], "access_denied");
  assert.equal(answer["state"], attempt.state);
  assert.equal(answer["iss"], provider.issuer);
  assert.match((await browser.open(page.url)).body, /This sign-in has expired/);
});

test("an attempt that is unknown, over, or another browser's shows a page with the way home", async () => {
  const browser = provider.openBrowser();
  const page = await browser.open(browser.attempt().url);
  const stranger = provider.openBrowser();
  const unknown = page.url.replace(/[^/]+$/, "unknown-attempt");
  await browser.submit(page, right);
  const expired = [
    await stranger.open(page.url),
    await browser.open(unknown),
    await browser.open(page.url),
  ];
  for (const { status, body } of expired) {
    assert.equal(status, 400);
    assert.match(body, /This sign-in has expired/);
    assert.match(body, /href="http:&#x2F;&#x2F;hive\.test:8000&#x2F;"/);
  }
});

test("the cookie of one attempt does not open another one", async () => {
  const browser = provider.openBrowser();
  const [first, second] = [browser.attempt(), browser.attempt()];
  const page = await browser.open(first.url);
  const other = await browser.open(second.url);
  // The first attempt's cookies, sent to the path of the second.
  const { pathname } = new URL(other.url);
  const moved = browser.cookies
    .filter(({ path }) => path === new URL(page.url).pathname)
    .map((cookie) => ({ ...cookie, path: pathname }));
  const thief = provider.openBrowser();
  thief.cookies.push(...moved);
  assert.match((await thief.open(other.url)).body, /This sign-in has expired/);
});

test("ten tabs that sign in at once all reach their own end", async () => {
  const browser = provider.openBrowser();
  const attempts = Array.from({ length: 10 }, () => browser.attempt());
  const pages = await Promise.all(attempts.map((attempt) => browser.open(attempt.url)));
  const ends = await Promise.all(pages.map((page) => browser.submit(page, right)));
  for (const [index, attempt] of attempts.entries()) {
    const end = ends[index];
    assert.ok(end);
    const response = await browser.redeem(readCode(end, attempt), attempt.verifier);
    assert.equal(response.status, 200, `tab ${index}`);
  }
});

test("a form that another site posts signs nobody in", async () => {
  const browser = provider.openBrowser();
  const attempt = browser.attempt();
  const page = await browser.open(attempt.url);
  const foreign: Record<string, string>[] = [
    { "sec-fetch-site": "cross-site", origin: "https://evil.example" },
    { "sec-fetch-site": "same-site", origin: "http://other.test:8000" },
    { origin: "https://evil.example" },
    { origin: "http://hive.test:9000" },
    { origin: "null" },
  ];
  for (const headers of foreign) {
    const refused = await browser.submit(page, right, headers);
    assert.equal(refused.status, 403, JSON.stringify(headers));
    assert.match(refused.body, /The form was not sent by the sign-in page/);
  }
  const own = { "sec-fetch-site": "same-origin", origin: "http://hive.test:8000" };
  assert.ok(readCode(await browser.submit(page, right, own), attempt));
});

test("a body that is no form, or far too large, is refused", async () => {
  const browser = provider.openBrowser();
  const page = await browser.open(browser.attempt().url);
  const send = (body: string, type: string) =>
    browser.request(page.url, { method: "POST", headers: { "content-type": type }, body });
  assert.equal((await send("{}", "application/json")).status, 415);
  const form = "application/x-www-form-urlencoded";
  assert.equal((await send(`username=${"x".repeat(70_000)}`, form)).status, 413);
  assert.equal((await browser.request(page.url, { method: "PUT" })).status, 405);
});
