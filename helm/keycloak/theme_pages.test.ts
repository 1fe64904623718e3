import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createIdentityAdmin } from "./admin_client.ts";
import { keycloakServerSkip } from "./server_testing.ts";
import { type SharedKeycloak, shareKeycloakServer } from "./shared_server_testing.ts";
import { startEmbeddedProvider } from "./testing.ts";
import type { Page } from "./testing_browser.ts";

const skip = keycloakServerSkip();
let server: SharedKeycloak;
if (skip === false) server = await shareKeycloakServer({ after });

/** Without what has to differ: addresses, hidden fields, and how much space is between the tags. */
function comparable({ body }: Page): string {
  return body
    .replaceAll("&#x2F;", "/")
    .replace(/ action="[^"]*"/, "")
    .replace(/<input type="hidden"[^>]*>/g, "")
    .replace(/ dir="ltr"/g, "")
    .replace(/<link rel="stylesheet" href="[^"]*">/, "<link>")
    .replace(/<meta http-equiv[^>]*>/, "")
    .replace(/<script src="[^"]*attempt\.js[^>]*><\/script>/, "")
    .replace("</head>", "")
    .replace(/<button class="btn btn--quiet"[^>]*>.*?<\/button>/g, "")
    .replace(/ name="(?:action|login)" value="[^"]*"/g, "")
    .replace(/>\s+/g, ">")
    .replace(/\s+</g, "<");
}

test("the sign-in page is the embedded provider's, but for Cancel", { skip }, async (t) => {
  const embedded = await startEmbeddedProvider(t);
  const pages: string[][] = [];
  for (const provider of [embedded, server]) {
    const browser = provider.openBrowser();
    const first = await browser.open(browser.attempt().url);
    const refused = await browser.submit(first, { username: "ada", password: "wrong" });
    pages.push([first, refused].map(comparable));
  }
  assert.deepEqual(pages[1], pages[0]);
  assert.match(pages[0]?.[1] ?? "", /role="alert"/);
});

test("R27: pages are neither framed by others, nor cached, nor told to them, and run no script but their own", {
  skip,
}, async () => {
  const browser = server.openBrowser();
  const first = await browser.open(browser.attempt().url);
  const refused = await browser.submit(first, { username: "ada", password: "wrong" });
  for (const page of [first, refused]) {
    assert.match(page.headers.get("content-security-policy") ?? "", /frame-ancestors 'self'/);
    assert.match(page.headers.get("content-security-policy") ?? "", /object-src 'none'/);
    assert.equal(page.headers.get("x-frame-options"), "SAMEORIGIN");
    assert.equal(page.headers.get("x-content-type-options"), "nosniff");
    assert.equal(page.headers.get("referrer-policy"), "same-origin");
    assert.match(page.headers.get("cache-control") ?? "", /no-store/);
    assert.equal(page.headers.get("strict-transport-security"), null);
    assert.match(
      page.body,
      /<meta http-equiv="Content-Security-Policy" content="default-src 'none'/,
    );
    assert.match(page.body, /script-src 'self'; object-src 'none'; base-uri 'none'/);
    const scripts = page.body.match(/<script[^>]*>[^<]*/gi) ?? [];
    assert.equal(scripts.length, 1);
    assert.match(scripts[0] ?? "", /^<script src="\/keycloak\/resources\/.*attempt\.js[^>]*>$/);
    assert.doesNotMatch(page.body, /style=| on[a-z]+=/i);
  }
});

test("the stylesheet is the platform's, under an address of its own version", {
  skip,
}, async () => {
  const browser = server.openBrowser();
  const page = await browser.open(browser.attempt().url);
  const href = /<link rel="stylesheet" href="([^"]*)"/.exec(page.body)?.[1] ?? "";
  assert.match(href, /^\/keycloak\/resources\/.*\/global\.css\?v=[0-9a-f]{12}$/);
  const { status, headers, body } = await browser.request(new URL(href, page.url).href);
  assert.deepEqual([status, headers.get("content-type")?.split(";")[0]], [200, "text/css"]);
  assert.match(body, /\.sign-in__card \{/);
});

test("what was typed as user name is shown as text, never as markup", { skip }, async () => {
  const browser = server.openBrowser();
  const page = await browser.open(browser.attempt().url);
  const username = `"><script>alert(1)</script>`;
  const refused = await browser.submit(page, { username, password: "x" });
  assert.ok(refused.body.includes("&lt;script&gt;"));
  assert.ok(!refused.body.includes("<script>"));
});

test("whoever has to choose a new password does so on a page of the platform's look", {
  skip,
}, async (t) => {
  const admin = createIdentityAdmin(server.adminPlace);
  t.after(() => admin.close());
  await admin.createUser({ username: "grace", password: "first-secret", isTemporary: true });
  const browser = server.openBrowser();
  const attempt = browser.attempt();
  const login = { username: "grace", password: "first-secret" };
  const page = await browser.submit(await browser.open(attempt.url), login);
  assert.match(page.body, /<title>Choose a new password · HiveMatrix<\/title>/);
  assert.match(page.body, /<p class="sign-in__text">Somebody else has set your password/);
  assert.match(page.body, /value="grace" autocomplete="username" readonly/);
  assert.match(page.body, /<input type="checkbox" name="logout-sessions" value="on" checked>/);
  const differing = { "password-new": "one-secret", "password-confirm": "other-secret" };
  const refused = await browser.submit(page, differing);
  assert.match(refused.body, /role="alert">The two passwords are not the same/);
  const short = { "password-new": "short", "password-confirm": "short" };
  const rule = await browser.submit(refused, short);
  assert.match(rule.body, /role="alert">The password is too short: it needs at least 8 characters/);
  const same = { "password-new": "first-secret", "password-confirm": "first-secret" };
  const former = await browser.submit(rule, same);
  assert.match(former.body, /role="alert">This is the password that you have/);
  const chosen = { "password-new": "own-secret", "password-confirm": "own-secret" };
  const end = await browser.submit(former, { ...chosen, "logout-sessions": "on" });
  assert.ok(new URL(end.url).searchParams.has("code"), end.url);
});

test("signing out at the provider asks first, and an error leads home", { skip }, async () => {
  const browser = server.openBrowser();
  await browser.signIn("ada", "ada-secret");
  const home = "http://hive.test:8000/";
  const logout = new URL(`${server.issuer}/protocol/openid-connect/logout`);
  logout.search = `${new URLSearchParams({ client_id: server.clientId, post_logout_redirect_uri: home })}`;
  const question = await browser.open(logout.href);
  assert.match(question.body, /<title>Sign out\? · HiveMatrix<\/title>/);
  assert.match(question.body, /<a class="btn btn--quiet" href="http:\/\/hive\.test:8000\/">/);
  const end = await browser.submit(question, { confirmLogout: "yes" });
  assert.equal(end.url, home);

  const refused = await browser.open(browser.attempt({ redirect_uri: "http://evil.test/" }).url);
  assert.equal(refused.status, 400);
  assert.match(refused.body, /<title>This did not work · HiveMatrix<\/title>/);
  assert.match(refused.body, /<a class="btn btn--primary" href="http:\/\/hive\.test:8000\/">/);
});
