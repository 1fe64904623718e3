import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestBrowser } from "./browser_testing.ts";
import { startNexus, type TestNexus } from "./testing.ts";

const ownForm = { "sec-fetch-site": "same-origin" };

const isSignedIn = async (browser: TestBrowser) =>
  (await browser.request("/template/")).status === 200;

/** Somebody signed in, and the token that services see. */
async function signIn(nexus: TestNexus): Promise<{ browser: TestBrowser; token: string }> {
  const browser = await nexus.signIn();
  assert.ok(await isSignedIn(browser));
  const [authorization = ""] = nexus.upstream.last.headers("authorization");
  return { browser, token: authorization.replace("Bearer ", "") };
}

test("R8: after the logout neither the kept cookie nor the token opens anything", async (t) => {
  const nexus = await startNexus(t);
  const { browser, token } = await signIn(nexus);
  const kept = browser.sessionCookie;
  const page = await browser.request("/logout", { method: "POST", headers: ownForm });
  assert.equal(page.status, 200);
  assert.match(page.body, /You are signed out/);
  assert.equal(browser.sessionCookie, undefined);

  const thief = nexus.openBrowser();
  assert.ok(kept);
  thief.cookies = [kept];
  assert.ok(!(await isSignedIn(thief)));
  const headers = { authorization: `Bearer ${token}` };
  assert.equal((await nexus.openBrowser().request("/api/me", { headers })).status, 401);
});

test("R8: the provider's session ends too, and no token passes through the browser", async (t) => {
  const nexus = await startNexus(t);
  let refreshToken = "";
  nexus.provider.wrong.tokenAnswer = (body) => {
    refreshToken = String(body["refresh_token"]);
    return { body };
  };
  const { browser } = await signIn(nexus);
  await browser.request("/logout", { method: "POST", headers: ownForm });
  assert.deepEqual(nexus.provider.logouts, [refreshToken]);
});

test("R8: pages with a person's data are not stored, and the logout clears the browser", async (t) => {
  const nexus = await startNexus(t);
  const { browser } = await signIn(nexus);
  for (const path of ["/", "/template/", "/unknown/", "/api/me"]) {
    assert.equal((await browser.request(path)).header("cache-control"), "no-store", path);
  }
  const page = await browser.request("/logout", { method: "POST", headers: ownForm });
  assert.equal(page.header("cache-control"), "no-store");
  assert.equal(page.header("clear-site-data"), '"cache", "storage"');
  const policy = page.header("content-security-policy") ?? "";
  const [, nonce] = /script-src 'nonce-([\w-]{20,})'/.exec(policy) ?? [];
  assert.ok(page.body.includes(`<script nonce="${nonce}">`), "the script that clears may run");
  assert.match(page.body, /sessionStorage/);
});

test("R8: while Core is away nobody is told to be signed out, and it works afterwards", async (t) => {
  const nexus = await startNexus(t);
  const { browser } = await signIn(nexus);
  await nexus.coreDoor.shut();
  const page = await browser.request("/logout", { method: "POST", headers: ownForm });
  assert.equal(page.status, 503);
  assert.ok(Number(page.header("retry-after")) > 0);
  assert.doesNotMatch(page.body, /signed out/i);
  assert.ok(browser.sessionCookie, "so that it can be tried again");
  await nexus.coreDoor.open();
  assert.ok(await isSignedIn(browser));
  const again = await browser.request("/logout", { method: "POST", headers: ownForm });
  assert.match(again.body, /You are signed out/);
  assert.ok(!(await isSignedIn(browser)));
});

test("R8: a Core that fails to revoke is no logout either", async (t) => {
  const nexus = await startNexus(t);
  const { browser } = await signIn(nexus);
  for (const status of [500, 503, 404, 302]) {
    nexus.coreDoor.misbehave(() => Response.json({ message: "Session revoked" }, { status }));
    const page = await browser.request("/logout", { method: "POST", headers: ownForm });
    assert.equal(page.status, 503, String(status));
    assert.ok(browser.sessionCookie);
  }
});

test("a person's own GET signs out; a link on another site only asks", async (t) => {
  const nexus = await startNexus(t);
  const { browser } = await signIn(nexus);
  for (const headers of [
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
    { "sec-fetch-site": "same-origin", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image" },
    { "sec-fetch-site": "same-origin", "sec-purpose": "prefetch" },
  ]) {
    const page = await browser.request("/logout", { headers });
    assert.equal(page.status, 200);
    assert.match(page.body, /Do you want to sign out\?/);
    assert.match(page.body, /<form[^>]* method="post" action="&#x2F;logout"/);
    assert.ok(await isSignedIn(browser), JSON.stringify(headers));
  }
  assert.match((await browser.request("/logout")).body, /You are signed out/);
  assert.ok(!(await isSignedIn(browser)));
});

test("R14: another site cannot sign anybody out, by whatever method", async (t) => {
  const nexus = await startNexus(t);
  const { browser } = await signIn(nexus);
  for (const headers of [
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "cross-site", authorization: "Basic YTpi" },
    { "sec-fetch-site": undefined, origin: "https://evil.example" },
  ]) {
    const { status } = await browser.request("/logout", { method: "POST", headers });
    assert.equal(status, 403);
  }
  for (const method of ["HEAD", "OPTIONS", "PUT", "DELETE"] as const) {
    assert.equal((await browser.request("/logout", { method })).status, 405, method);
  }
  assert.ok(await isSignedIn(browser));
});

test("whoever is signed out already is told the same", async (t) => {
  const nexus = await startNexus(t);
  const { browser } = await signIn(nexus);
  const kept = [...browser.cookies];
  await browser.request("/logout", { method: "POST", headers: ownForm });
  for (const cookies of [[], kept]) {
    browser.cookies = [...cookies];
    const page = await browser.request("/logout", { method: "POST", headers: ownForm });
    assert.equal(page.status, 200);
    assert.match(page.body, /You are signed out/);
  }
});

test("a program that signs out with its Bearer token ends that session", async (t) => {
  const nexus = await startNexus(t);
  const { browser, token } = await signIn(nexus);
  const headers = { authorization: `Bearer ${token}` };
  const stranger = nexus.openBrowser();
  assert.equal((await stranger.request("/logout", { method: "POST", headers })).status, 200);
  assert.ok(!(await isSignedIn(browser)));
});

test("a token that Core does not know any more cannot keep anybody from signing out", async (t) => {
  const nexus = await startNexus(t);
  const { browser } = await signIn(nexus);
  nexus.coreDoor.misbehave(() => Response.json({ detail: "unknown key" }, { status: 401 }));
  const page = await browser.request("/logout", { method: "POST", headers: ownForm });
  assert.match(page.body, /You are signed out/);
  assert.equal(browser.sessionCookie, undefined);
});

test("sign-in attempts and services' host cookies go, other programs' cookies stay", async (t) => {
  for (const isSecure of [true, false]) {
    const nexus = await startNexus(t, { isSecure });
    const { browser } = await signIn(nexus);
    browser.plant("theme", "dark");
    browser.plant("hivematrix_session_9999", "another-installation");
    browser.plant("__Host-codex", "1");
    await browser.openUntil(/keycloak-callback/, "/login");
    await browser.request("/logout", { method: "POST", headers: ownForm });
    const left = browser.cookies.map(({ name }) => name).filter((name) => name !== "__Host-codex");
    assert.deepEqual(left, ["theme", "hivematrix_session_9999"]);
    assert.equal(browser.cookie("__Host-codex") === undefined, isSecure);
  }
});
