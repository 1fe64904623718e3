import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer, TestBrowser } from "./browser_testing.ts";
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

/** What a person reads on a page. */
function readText({ body }: Answer): string {
  const [, main = ""] = /<main[^>]*>([\s\S]*)<\/main>/.exec(body) ?? [];
  return main
    .replaceAll(/<[^>]*>/g, " ")
    .replaceAll(/\s+/g, " ")
    .trim();
}

/** A link to the provider's own sign-out page, which leads back and names nobody. */
function assertLinksSignOut(nexus: TestNexus, { body }: Answer): void {
  const links = [...body.matchAll(/<a [^>]*href="([^"]*)"/g)].map(([, href = ""]) =>
    href.replaceAll("&#x2F;", "/").replaceAll("&#x3D;", "=").replaceAll("&amp;", "&"),
  );
  const link = links.find((href) => href.includes("/openid-connect/logout"));
  const url = new URL(link ?? "", nexus.origin);
  assert.equal(url.origin, nexus.origin);
  assert.equal(url.pathname, "/keycloak/realms/hivematrix/protocol/openid-connect/logout");
  assert.deepEqual(
    [...url.searchParams],
    [
      ["client_id", nexus.settings.KEYCLOAK_CLIENT_ID],
      ["post_logout_redirect_uri", `${nexus.origin}/`],
    ],
  );
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

test("without a session the page says that nobody was signed in, not that somebody is signed out", async (t) => {
  const nexus = await startNexus(t);
  for (const method of ["GET", "POST"] as const) {
    const page = await nexus.openBrowser().request("/logout", { method, headers: ownForm });
    assert.equal(page.status, 200);
    const text = readText(page);
    assert.match(text, /Nobody was signed in here/);
    assert.match(text, /nothing to end/);
    assert.doesNotMatch(text, /signed out|is over|Sign in again/);
    assert.equal(page.header("clear-site-data"), '"cache", "storage"');
    assertLinksSignOut(nexus, page);
  }
});

test("a logout with the cookie of a session that had ended is a logout too", async (t) => {
  const nexus = await startNexus(t);
  const { browser } = await signIn(nexus);
  const kept = [...browser.cookies];
  await browser.request("/logout", { method: "POST", headers: ownForm });
  browser.cookies = kept;
  const page = await browser.request("/logout", { method: "POST", headers: ownForm });
  assert.equal(page.status, 200);
  assert.match(readText(page), /You are signed out of HiveMatrix.*It is not certain/);
});

test("the page names everything that has ended", async (t) => {
  const nexus = await startNexus(t);
  const { browser } = await signIn(nexus);
  const text = readText(await browser.request("/logout", { method: "POST", headers: ownForm }));
  assert.match(text, /You are signed out This is over now:/);
  assert.match(text, /Your HiveMatrix session in this browser/);
  assert.match(text, /downloads and live connections were cut off/);
  assert.match(text, /Your sign-in at the sign-in service/);
  assert.doesNotMatch(text, /without a password|still signed in/);
});

test("a provider that is away is a warning with the way to sign out there, and no token in it", async (t) => {
  const nexus = await startNexus(t);
  const { browser } = await signIn(nexus);
  await nexus.provider.kill();
  const page = await browser.request("/logout", { method: "POST", headers: ownForm });
  assert.equal(page.status, 200);
  const text = readText(page);
  assert.match(text, /You are signed out of HiveMatrix This is over now:/);
  assert.match(text, /The sign-in service could not be reached/);
  assert.match(text, /next person at this browser may get in without a password/);
  assert.doesNotMatch(text, /Your sign-in at the sign-in service/);
  assert.match(page.body, /alert--warning/);
  assertLinksSignOut(nexus, page);
  for (const secret of nexus.provider.secrets) assert.ok(!page.body.includes(secret));
});

test("a provider that gave no refresh token cannot be asked, and the page says that too", async (t) => {
  const nexus = await startNexus(t);
  nexus.provider.wrong.tokenAnswer = ({ refresh_token: _, ...body }) => ({ body });
  const { browser } = await signIn(nexus);
  const page = await browser.request("/logout", { method: "POST", headers: ownForm });
  assert.match(
    readText(page),
    /HiveMatrix could not sign you out at the sign-in service\..*without/,
  );
  assertLinksSignOut(nexus, page);
});

test("R11: the page says how many other sessions live on, and leads to them", async (t) => {
  const nexus = await startNexus(t);
  const [first, second, third] = [await nexus.signIn(), await nexus.signIn(), await nexus.signIn()];
  await nexus.signIn({ ...nexus.provider.person, sub: "grace-sub" });
  const logOut = (browser: TestBrowser) =>
    browser.request("/logout", { method: "POST", headers: ownForm });
  const page = await logOut(first);
  assert.match(readText(page), /still signed in elsewhere: 2 other browsers or devices/);
  assert.match(page.body, /href="&#x2F;login\?next&#x3D;%2Fsessions"/);
  assert.match(
    readText(await logOut(second)),
    /still signed in elsewhere: one other browser or device/,
  );
  assert.doesNotMatch(readText(await logOut(third)), /still signed in/);
});

test("a Core that says nothing of the provider or of others is not read as good news", async (t) => {
  const nexus = await startNexus(t);
  const { browser } = await signIn(nexus);
  nexus.coreDoor.misbehave(() => Response.json({ message: "Session revoked successfully" }));
  const text = readText(await browser.request("/logout", { method: "POST", headers: ownForm }));
  assert.match(text, /It is not certain that you are signed out at the sign-in service too/);
  assert.doesNotMatch(text, /still signed in/);
});

test("what is open with the session is cut by the logout itself, also while the feed is down", async (t) => {
  const nexus = await startNexus(t);
  const { browser } = await signIn(nexus);
  nexus.upstream.answer((_incoming, outgoing) => {
    outgoing.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n");
  });
  const cookie = `${browser.sessionCookie?.name}=${browser.sessionCookie?.value}`;
  const stream = await fetch(`${nexus.origin}/template/events`, { headers: { cookie } });
  const reader = stream.body?.getReader();
  assert.ok((await reader?.read())?.value);
  // From now on there is no feed: whatever answers here takes no upgrade.
  nexus.coreDoor.misbehave(() =>
    Response.json({ message: "Session revoked successfully", provider_session: "ended" }),
  );
  const page = await browser.request("/logout", { method: "POST", headers: ownForm });
  assert.match(readText(page), /live connections were cut off/);
  await assert.rejects(async () => await reader?.read());
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
