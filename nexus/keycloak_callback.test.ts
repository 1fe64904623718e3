import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { decodeJwt } from "jose";
import type { TestBrowser } from "./browser_testing.ts";
import { cookieNames } from "./cookie_names.ts";
import { createLoginAttempt } from "./login_attempt.ts";
import { openRedirects } from "./return_path_testing.ts";
import { createSealedBox } from "./sealed_box.ts";
import { startNexus, type TestNexus } from "./testing.ts";

const callbackUrl = /\/keycloak-callback\?/;

/** Up to the callback's address, which is not asked for. */
const beginAt = (browser: TestBrowser, path = "/template/") =>
  browser.openUntil(callbackUrl, `/login?next=${encodeURIComponent(path)}`);

async function assertRefused(browser: TestBrowser, callback: string): Promise<void> {
  const page = await browser.open(callback);
  assert.equal(page.status, 400, callback);
  assert.match(page.body, /Sign in again/);
  assert.equal(page.header("referrer-policy"), "no-referrer", "the address holds a code");
  assert.equal(browser.sessionCookie, undefined);
}

test("R1: PKCE is S256, its verifier fits the challenge, and nothing is used twice", async (t) => {
  const nexus = await startNexus(t);
  const browser = nexus.openBrowser();
  for (let i = 0; i < 5; i++) await browser.open("/login");
  const { authorizations, tokenRequests } = nexus.provider;
  assert.equal(tokenRequests.length, 5);
  const seen = new Set<string>();
  for (const [i, asked] of authorizations.entries()) {
    const verifier = tokenRequests[i]?.get("code_verifier") ?? "";
    assert.equal(asked.get("code_challenge_method"), "S256");
    const challenge = createHash("sha256").update(verifier).digest("base64url");
    assert.equal(asked.get("code_challenge"), challenge);
    for (const value of [verifier, asked.get("state") ?? "", asked.get("nonce") ?? ""]) {
      assert.ok(Buffer.from(value, "base64url").length * 8 >= 128);
      seen.add(value);
    }
    assert.equal(asked.get("response_type"), "code");
    assert.equal(asked.get("redirect_uri"), `${nexus.origin}/keycloak-callback`);
    assert.match(asked.get("scope") ?? "", /\bopenid\b/);
  }
  assert.equal(seen.size, 15);
});

test("R1: a callback's address works once", async (t) => {
  const nexus = await startNexus(t);
  const browser = nexus.openBrowser();
  const callback = await beginAt(browser);
  const kept = [...browser.cookies];
  assert.equal((await browser.open(callback)).status, 200);
  const session = browser.sessionCookie;
  assert.equal((await browser.open(callback)).status, 400);
  assert.equal(browser.sessionCookie, session, "whoever is signed in stays so");

  // Even a browser that has kept its attempt, at a provider that takes a code twice.
  nexus.provider.wrong.isCareless = true;
  const thief = nexus.openBrowser();
  thief.cookies = kept;
  await assertRefused(thief, callback);
});

test("R1: a callback's address is worth nothing in another browser", async (t) => {
  const nexus = await startNexus(t);
  nexus.provider.wrong.isCareless = true;
  const ada = nexus.openBrowser();
  const callback = await beginAt(ada);
  await assertRefused(nexus.openBrowser(), callback);
  const grace = nexus.openBrowser();
  await beginAt(grace);
  await assertRefused(grace, callback);
  assert.equal((await ada.open(callback)).status, 200, "and it is not used up by trying");
});

test("R1: a code of one attempt does not fit the state of another", async (t) => {
  const nexus = await startNexus(t);
  const swap = async () => {
    const [victim, attacker] = [nexus.openBrowser(), nexus.openBrowser()];
    const own = new URL(await beginAt(victim));
    const theirs = new URL(await beginAt(attacker));
    own.searchParams.set("code", theirs.searchParams.get("code") ?? "");
    await assertRefused(victim, own.href);
  };
  // PKCE finds it at the provider; where a provider does not look, the nonce does.
  await swap();
  nexus.provider.wrong.isCareless = true;
  await swap();
});

test("R1: a missing, foreign, changed or repeated state is refused", async (t) => {
  const nexus = await startNexus(t);
  const change = async (edit: (parameters: URLSearchParams) => void) => {
    const browser = nexus.openBrowser();
    const callback = new URL(await beginAt(browser));
    edit(callback.searchParams);
    await assertRefused(browser, callback.href);
  };
  await change((parameters) => parameters.delete("state"));
  await change((parameters) => parameters.set("state", ""));
  await change((parameters) => parameters.set("state", "unknown"));
  await change((parameters) => {
    const state = parameters.get("state") ?? "";
    parameters.set("state", state.slice(0, 16));
  });
  const browser = nexus.openBrowser();
  const callback = await beginAt(browser);
  const repeated = await browser.open(`${callback}&state=again`);
  assert.equal(repeated.status, 400);
  assert.equal(browser.sessionCookie, undefined);
});

test("R1: an attempt older than ten minutes is refused", async (t) => {
  const nexus = await startNexus(t);
  const plant = async (ageMs: number) => {
    const browser = nexus.openBrowser();
    const callback = new URL(await beginAt(browser));
    const state = callback.searchParams.get("state") ?? "";
    const name = cookieNames(nexus.url).loginAttempt(state);
    const box = createSealedBox(nexus.settings.SECRET_KEY);
    const opened = box.open(browser.cookie(name)?.value ?? "", name) ?? "";
    const attempt = { ...JSON.parse(opened), startedAtMs: Date.now() - ageMs };
    const value = box.seal(JSON.stringify(attempt), name);
    browser.cookies = browser.cookies.map((cookie) => ({ ...cookie, value }));
    return { browser, callback: callback.href };
  };
  const stale = await plant(601_000);
  await assertRefused(stale.browser, stale.callback);
  const slow = await plant(590_000);
  assert.equal((await slow.browser.open(slow.callback)).status, 200);
});

test("R1: an attempt that Nexus has not sealed is none", async (t) => {
  const nexus = await startNexus(t);
  const attempt = createLoginAttempt("/");
  const name = cookieNames(nexus.url).loginAttempt(attempt.state);
  const browser = nexus.openBrowser();
  for (const value of [
    JSON.stringify(attempt).replaceAll('"', ""),
    Buffer.from(JSON.stringify(attempt)).toString("base64url"),
    createSealedBox("another-key").seal(JSON.stringify(attempt), name),
  ]) {
    browser.plant(name, value);
    await assertRefused(browser, `/keycloak-callback?code=x&state=${attempt.state}`);
  }
});

test("a sign-in that Core refuses once is tried again by itself and lands on its page", async (t) => {
  const nexus = await startNexus(t);
  // Core asks before it makes the session, and once more after it.
  for (const refusedQuestion of [1, 2]) {
    let questions = 0;
    nexus.provider.wrong.userinfo = (body) =>
      ++questions === refusedQuestion ? { status: 401, body: {} } : { body };
    const browser = nexus.openBrowser();
    const asked = nexus.provider.authorizations.length;
    const page = await browser.open("/template/?a=b");
    assert.equal(page.url, `${nexus.origin}/template/?a=b`);
    assert.equal(page.status, 200);
    assert.deepEqual(
      browser.cookies.map(({ name }) => name),
      [cookieNames(nexus.url).session],
    );
    const [first, second, ...more] = nexus.provider.authorizations.slice(asked);
    assert.deepEqual(more, []);
    for (const name of ["state", "nonce", "code_challenge"]) {
      assert.ok(second?.get(name), name);
      assert.notEqual(second?.get(name), first?.get(name), `${name} is fresh`);
    }
  }
});

test("a sign-in that Core refuses always ends on a page after the second attempt", async (t) => {
  const nexus = await startNexus(t);
  nexus.provider.wrong.userinfo = () => ({ status: 401, body: {} });
  const browser = nexus.openBrowser();
  for (const attempts of [2, 4]) {
    const page = await browser.open("/login?next=/template/");
    assert.equal(page.status, 401);
    assert.match(page.body, /Core refused this login.*login\?next&#x3D;%2Ftemplate%2F"/s);
    assert.equal(nexus.provider.authorizations.length, attempts);
    assert.deepEqual(browser.cookies, [], "nothing is left of either attempt");
  }
});

test("whatever else fails in a sign-in is not tried again", async (t) => {
  const nexus = await startNexus(t);
  const failures: Record<string, typeof nexus.provider.wrong> = {
    "a refused code": { tokenAnswer: () => ({ status: 400, body: { error: "invalid_grant" } }) },
    "a wrong ID token": { claims: (claims) => ({ ...claims, aud: "another-client" }) },
    "a provider that fails": { userinfo: () => ({ status: 500, body: {} }) },
    "an error": { callback: (answer) => answer.set("error", "server_error") },
  };
  for (const [name, wrong] of Object.entries(failures)) {
    nexus.provider.wrong = wrong;
    const asked = nexus.provider.authorizations.length;
    assert.match((await nexus.openBrowser().open("/login")).body, /Sign in again/, name);
    assert.equal(nexus.provider.authorizations.length, asked + 1, name);
  }
});

test("a cancelled or failed sign-in says so and leads back to the wanted page", async (t) => {
  const nexus = await startNexus(t);
  const answerWith = async (parameters: Record<string, string>) => {
    nexus.provider.wrong.callback = (answer) => {
      answer.delete("code");
      for (const [name, value] of Object.entries(parameters)) answer.set(name, value);
    };
    const browser = nexus.openBrowser();
    const page = await browser.open("/login?next=%2Ftemplate%2F%3Fa%3Db");
    assert.equal(browser.sessionCookie, undefined);
    assert.match(page.body, /href="[^"]*login\?next&#x3D;%2Ftemplate%2F%3Fa%3Db"/);
    return page;
  };
  const cancelled = await answerWith({ error: "access_denied" });
  assert.equal(cancelled.status, 403);
  assert.match(cancelled.body, /Sign-in cancelled/);
  assert.doesNotMatch(cancelled.body, /alert--error|If you report this/);
  const failed = await answerWith({ error: "server_error", error_description: "<b>\r\nforged" });
  assert.equal(failed.status, 400);
  assert.doesNotMatch(failed.body, /<b>/);
  // With an error, a code counts for nothing (RFC 6749 §4.1.2.1).
  assert.equal((await answerWith({ error: "login_required", code: "x" })).status, 400);
  assert.equal((await answerWith({})).status, 400);
  assert.equal(nexus.provider.tokenRequests.length, 0);
  const forged = nexus.logLines.filter((line) => line.startsWith("forged"));
  assert.deepEqual(forged, [], "R26: no line of the log is written by others");
});

test("the browser lands on the page that it wanted, query included", async (t) => {
  const nexus = await startNexus(t);
  for (const path of ["/template/notes?q=a%20b&page=2&q=c", "/template/caf%C3%A9/?x", "/"]) {
    const page = await nexus.openBrowser().open(path);
    assert.equal(page.url, nexus.origin + path);
    assert.equal(page.status, 200);
  }
});

test("R4: no trick in /login leads a signed-in browser to another site", async (t) => {
  const nexus = await startNexus(t);
  for (const trick of openRedirects) {
    const browser = nexus.openBrowser();
    const login = new URLSearchParams({ next: trick });
    const callback = await browser.openUntil(callbackUrl, `/login?${login}`);
    const { status, header } = await browser.request(callback);
    assert.equal(status, 303, trick);
    const location = header("location") ?? "";
    assert.equal(new URL(location, callback).origin, nexus.origin, trick);
    assert.match(location, /^\/(?![/\\])/, trick);
  }
});

test("R4: a state's page cannot be changed on the way back", async (t) => {
  const nexus = await startNexus(t);
  const browser = nexus.openBrowser();
  const callback = await beginAt(browser);
  const { header } = await browser.request(`${callback}&next=//evil.example&redirect=/x`);
  assert.equal(header("location"), "/template/");
});

test("R6: a session begins with the sign-in: a planted cookie is not taken over", async (t) => {
  const nexus = await startNexus(t);
  const name = cookieNames(nexus.url).session;
  const attacker = await nexus.signIn({ ...nexus.provider.person, sub: "mallory" });
  for (const value of ["planted", attacker.sessionCookie?.value ?? ""]) {
    const victim = nexus.openBrowser();
    victim.plant(name, value);
    nexus.provider.person = { ...nexus.provider.person, sub: "ada-sub" };
    assert.equal((await victim.open("/login")).status, 200);
    assert.notEqual(victim.sessionCookie?.value, value);
    assert.equal((await victim.request("/api/me")).json()["sub"], "ada-sub");
  }
  assert.equal((await attacker.request("/api/me")).status, 302, "and ended with it");
});

test("R6: each sign-in has a session id of 256 bits, and the one before it is dead", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  await browser.open("/template/");
  const first = readForwardedToken(nexus);
  const firstCookie = browser.sessionCookie;
  await browser.open("/login?next=/template/");
  const second = readForwardedToken(nexus);

  assert.notEqual(decodeJwt(first).jti, decodeJwt(second).jti);
  for (const token of [first, second]) {
    assert.ok(Buffer.from(decodeJwt(token).jti ?? "", "base64url").length * 8 >= 128);
  }
  const asBearer = (token: string) => ({ authorization: `Bearer ${token}`, cookie: undefined });
  const stranger = nexus.openBrowser();
  assert.equal((await stranger.request("/api/me", { headers: asBearer(first) })).status, 401);
  assert.equal((await stranger.request("/api/me", { headers: asBearer(second) })).status, 200);
  assert.ok(firstCookie);
  stranger.cookies = [firstCookie];
  assert.equal((await stranger.request("/template/")).status, 302);
  assert.deepEqual(nexus.provider.logouts, [], "the provider's session carries the new one too");
});

for (const isSecure of [true, false]) {
  const where = isSecure ? "with TLS" : "on plain HTTP";
  test(`R7: every cookie of a sign-in and a logout keeps its rules ${where}`, async (t) => {
    const nexus = await startNexus(t, { isSecure });
    const browser = nexus.openBrowser();
    await browser.open("/template/");
    await browser.open("/login");
    await browser.open("/logout", { method: "POST" });
    const lines = browser.seen.flatMap(({ setCookies }) => setCookies);
    assert.ok(lines.length >= 7, `${lines.length} cookies`);
    for (const line of lines) {
      const [pair = "", ...attributes] = line.split("; ");
      assert.equal(pair.startsWith("__Host-hivematrix_"), isSecure, line);
      assert.equal(attributes.includes("Secure"), isSecure, line);
      assert.ok(attributes.includes("HttpOnly") && attributes.includes("SameSite=Lax"), line);
      assert.ok(attributes.includes("Path=/"), line);
      assert.ok(!/domain/i.test(line) && pair.length < 4096, line);
    }
    assert.deepEqual(browser.cookies, []);
  });
}

test("ten sign-ins begun at once in one browser all land on their own pages", async (t) => {
  const nexus = await startNexus(t);
  const browser = nexus.openBrowser();
  // As long as an address may be and still be led back to.
  const paths = Array.from({ length: 10 }, (_, tab) => `/template/?tab=${tab}&${"x".repeat(1900)}`);
  const callbacks = await Promise.all(paths.map((path) => beginAt(browser, path)));
  assert.equal(browser.cookies.length, 10);
  const pages = await Promise.all(callbacks.map((callback) => browser.open(callback)));
  for (const [tab, page] of pages.entries()) {
    assert.equal(page.status, 200);
    assert.equal(page.url, nexus.origin + paths[tab]);
  }
  assert.deepEqual(
    browser.cookies.map(({ name }) => name),
    [cookieNames(nexus.url).session],
  );
});

test("a browser that gave up on many sign-ins can still sign in", async (t) => {
  const nexus = await startNexus(t);
  const browser = nexus.openBrowser();
  for (let i = 0; i < 40; i++) await browser.request(`/login?next=/?${"x".repeat(1900)}`);
  assert.equal((await browser.open("/template/")).status, 200);
});

test("a session outlives a restart of Nexus", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  const begun = await beginAt(browser, "/template/?b");
  await nexus.restart();
  assert.equal((await browser.request("/api/me")).status, 200);
  assert.equal((await browser.open(begun)).url, `${nexus.origin}/template/?b`);
});

test("a callback is only answered to GET", async (t) => {
  const nexus = await startNexus(t);
  const browser = nexus.openBrowser();
  const callback = await beginAt(browser);
  assert.equal((await browser.request(callback, { method: "HEAD" })).status, 405);
  assert.equal((await browser.request(callback, { method: "POST" })).status, 405);
  assert.equal((await browser.open(callback)).status, 200, "neither has used it up");
});

function readForwardedToken({ upstream }: TestNexus): string {
  return upstream.last.headers("authorization")[0]?.replace(/^Bearer /, "") ?? "";
}

test("R13: another site cannot sign a browser in, neither afresh nor as somebody else", async (t) => {
  const nexus = await startNexus(t);
  nexus.provider.wrong.isCareless = true;
  // Login CSRF: the attacker's own, unused answer of the provider, opened in the victim's browser.
  nexus.provider.person = { ...nexus.provider.person, sub: "mallory" };
  const callback = await beginAt(nexus.openBrowser());
  const crossSite = {
    "sec-fetch-site": "cross-site",
    "sec-fetch-mode": "navigate",
    "sec-fetch-dest": "document",
    origin: "https://evil.example",
  };
  nexus.provider.person = { ...nexus.provider.person, sub: "ada" };
  for (const victim of [nexus.openBrowser(), await nexus.signIn()]) {
    await beginAt(victim);
    const before = victim.sessionCookie;
    const byGet = await victim.open(callback, { headers: crossSite });
    assert.equal(byGet.status, 400);
    const byPost = await victim.open(callback, { method: "POST", headers: crossSite });
    assert.ok(byPost.status === 405 || byPost.status === 403, String(byPost.status));
    assert.equal(victim.sessionCookie, before, "whoever was signed in, or nobody, stays so");
  }
});

test("R13: a page of another site that leads to the sign-in makes the person decide", async (t) => {
  const nexus = await startNexus(t);
  const browser = nexus.openBrowser();
  const asked = nexus.provider.authorizations.length;
  const page = await browser.open("/login?next=/template/", {
    headers: {
      "sec-fetch-site": "cross-site",
      "sec-fetch-mode": "navigate",
      "sec-fetch-dest": "document",
    },
  });
  assert.equal(page.status, 200);
  assert.match(page.body, /Do you want to sign in\?.*login\?next&#x3D;%2Ftemplate%2F"/s);
  assert.equal(nexus.provider.authorizations.length, asked, "the provider was not asked");
  assert.deepEqual([...browser.cookies], []);
});
