import assert from "node:assert/strict";
import { test } from "node:test";
import { forgedTokens } from "@hivematrix/lib/forged_tokens_testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { decodeJwt } from "jose";
import type { TestBrowser } from "./browser_testing.ts";
import { cookieNames } from "./cookie_names.ts";
import { createSealedBox } from "./sealed_box.ts";
import { readToken } from "./session_check.ts";
import { startNexus, type TestNexus } from "./testing.ts";

const script = { "sec-fetch-mode": "cors", "sec-fetch-dest": "empty" };

/** A program's request with a Bearer token. */
async function asBearer(nexus: TestNexus, token: string): Promise<number> {
  const headers = { ...script, authorization: `Bearer ${token}` };
  return (await nexus.openBrowser().request("/template/api/x", { headers })).status;
}

/** The same with the token sealed as a session cookie, as only Nexus itself could have done. */
async function asCookie(nexus: TestNexus, token: string): Promise<number> {
  const browser = nexus.openBrowser();
  const { session } = cookieNames(nexus.url);
  browser.plant(session, createSealedBox(nexus.settings.SECRET_KEY).seal(token, session));
  return (await browser.request("/template/api/x", { headers: script })).status;
}

test("a user token opens the door as a Bearer token and sealed in the cookie", async (t) => {
  const nexus = await startNexus(t);
  const token = await nexus.obtainToken();
  assert.equal(await asBearer(nexus, token), 200);
  assert.equal(await asCookie(nexus, token), 200);
  assert.deepEqual(nexus.upstream.last.headers("authorization"), [`Bearer ${token}`]);
});

test("R19: no forged token opens the door, neither as Bearer nor in a sealed cookie", async (t) => {
  const nexus = await startNexus(t);
  const token = await nexus.obtainToken();
  const reached = nexus.upstream.requests.length;
  const forgeries = forgedTokens(token, nexus.core.keys.signing.privateKey);
  assert.ok(forgeries.length >= 30);
  for (const { name, token: forged } of forgeries) {
    assert.equal(await asBearer(nexus, forged), 401, `Bearer: ${name}`);
    assert.equal(await asCookie(nexus, forged), 401, `cookie: ${name}`);
  }
  assert.equal(nexus.upstream.requests.length, reached);
  assert.equal(await asBearer(nexus, token), 200, "the good one still does");
});

test("R20: no token of another kind is a session", async (t) => {
  const nexus = await startNexus(t);
  const browser = nexus.openBrowser();
  let idToken = "";
  let accessToken = "";
  nexus.provider.wrong.tokenAnswer = (body) => {
    idToken = String(body["id_token"]);
    accessToken = String(body["access_token"]);
    return { body };
  };
  await browser.open("/login");
  const { core } = nexus;
  const kinds = {
    "an ID token": idToken,
    "an access token of the provider": accessToken,
    "a service token for another service": await core.tokens.mintServiceToken("codex", "template"),
    "a service token for Nexus": await core.tokens.mintServiceToken("codex", "nexus"),
    "the sealed cookie's value": browser.sessionCookie?.value ?? "",
  };
  for (const [name, token] of Object.entries(kinds)) {
    assert.ok(token.length > 20, name);
    assert.equal(await asBearer(nexus, token), 401, name);
    assert.equal(await asCookie(nexus, token), 401, name);
  }
  assert.equal(nexus.upstream.requests.length, 0);
});

test("a Bearer token that does not hold is 401 for whoever sends it, never a page", async (t) => {
  const nexus = await startNexus(t);
  const headers = { authorization: "Bearer garbage" };
  const answer = await nexus.openBrowser().request("/template/", { headers });
  assert.equal(answer.status, 401);
  assert.equal(answer.header("www-authenticate"), 'Bearer error="invalid_token"');
  assert.equal(answer.json()["login_url"], "/login?next=%2Ftemplate%2F");
});

test("a Bearer header goes before the cookie, whatever it holds; other schemes do not count", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  const ask = async (authorization: string) =>
    (await browser.request("/api/me", { headers: { authorization } })).status;
  assert.equal(await ask("Bearer garbage"), 401);
  assert.equal(await ask("bearer"), 401);
  assert.equal(await ask("Bearer a b"), 401);
  assert.equal(await ask("Basic YTpi"), 200, "a proxy in front of Nexus may have asked for it");
  assert.deepEqual(readToken({ authorization: "BEARER  x.y-z_~+/= " }, "cookie"), {
    token: "x.y-z_~+/=",
    isFromCookie: false,
  });
});

test("a revoked session is refused at the next request", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  assert.equal((await browser.request("/template/")).status, 200);
  const token = nexus.upstream.last.headers("authorization")[0]?.replace("Bearer ", "") ?? "";
  assert.equal((await nexus.core.post("/api/token/revoke", { token })).status, 200);
  assert.equal((await browser.request("/template/")).status, 302);
  assert.equal(await asBearer(nexus, token), 401);
});

test("an expired session is refused although the browser still sends its cookie", async (t) => {
  const nexus = await startNexus(t, { core: { sessionLifetimeSeconds: 2 } });
  const browser = await nexus.signIn();
  assert.equal((await browser.request("/template/")).status, 200);
  const status = async () => (await browser.request("/template/")).status;
  await waitFor(async () => (await status()) === 302, { what: "the session to expire" });
});

test("a user's claims come from the token that Core signed", async (t) => {
  const nexus = await startNexus(t);
  const { permission_level, sub } = decodeJwt(await nexus.obtainToken());
  assert.equal(permission_level, "technician");
  assert.equal(sub, "ada-sub");
});

/** No cause, no stack trace and no address behind the gateway. */
function assertNothingInternal(nexus: TestNexus, body: string): void {
  assert.doesNotMatch(body, /\n\s+at |ECONN|undici|Error:/);
  for (const url of [nexus.coreDoor.url, nexus.provider.backendUrl, nexus.upstream.url]) {
    assert.ok(!body.includes(new URL(url).host), body);
  }
}

/** What a person and a program see while a part is away. */
async function assertAway(nexus: TestNexus, browser: TestBrowser, path: string): Promise<void> {
  const page = await browser.request(path);
  assert.equal(page.status, 503, path);
  assert.match(page.body, /<h1/);
  assert.match(page.body, /Try again/);
  const called = await browser.request(path, { headers: script });
  assert.equal(called.status, 503);
  assert.equal(called.json()["status"], 503);
  for (const { header, body } of [page, called]) {
    assert.ok(Number(header("retry-after")) > 0);
    assertNothingInternal(nexus, body);
    assert.match(body, /[0-9a-f]{24}/, "the id to find it in the log");
  }
}

test("R25: without Core nothing passes, people and programs learn to try again, and it heals", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  assert.equal((await browser.request("/template/")).status, 200);
  const reached = nexus.upstream.requests.length;
  await nexus.coreDoor.shut();
  for (const path of ["/template/", "/", "/api/me", "/unknown/"])
    await assertAway(nexus, browser, path);
  assert.equal(nexus.upstream.requests.length, reached);
  const stranger = nexus.openBrowser();
  assert.equal((await stranger.request("/template/")).status, 302, "who has no session is told so");
  assert.equal((await stranger.open("/login")).status, 503);
  assert.equal(stranger.sessionCookie, undefined);
  assert.equal((await stranger.request("/static/global.css")).status, 200);
  await nexus.coreDoor.open();
  assert.equal((await browser.request("/template/")).status, 200);
  assert.equal((await nexus.openBrowser().open("/template/")).status, 200);
});

test("R25: a Core that answers nonsense is no pass either", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  const answers: readonly (readonly [status: number, body: unknown])[] = [
    [200, {}],
    [200, { valid: "true" }],
    [200, "<html>"],
    [200, { valid: false }],
    [401, {}],
    [403, { valid: false }],
    [500, { valid: true }],
    [302, { valid: true }],
  ];
  for (const [status, body] of answers) {
    nexus.coreDoor.misbehave(() =>
      typeof body === "string" ? new Response(body, { status }) : Response.json(body, { status }),
    );
    const ask = async () => (await browser.request("/template/")).status;
    // What was confirmed before counts until the feed's end has been noticed.
    await waitFor(async () => (await ask()) !== 200, {
      what: `no pass by ${JSON.stringify(body)}`,
    });
    assert.equal(await ask(), 503, JSON.stringify(body));
  }
  nexus.coreDoor.misbehave(undefined);
  assert.equal((await browser.request("/template/")).status, 200);
});

test("R25: without the provider sign-in says so, and who is signed in goes on", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  const waiting = nexus.openBrowser();
  const callback = await waiting.openUntil(/keycloak-callback/, "/login?next=/template/");
  await nexus.provider.kill();
  const stranger = nexus.openBrowser();
  const page = await stranger.open("/login");
  assert.equal(page.status, 503);
  assert.ok(Number(page.header("retry-after")) > 0);
  assert.match(page.body, /Nobody can sign in at the moment/);
  assertNothingInternal(nexus, page.body);
  assert.equal((await waiting.open(callback)).status, 503);
  assert.equal((await browser.request("/template/")).status, 200);
  await nexus.provider.restart();
  assert.equal((await stranger.open("/login?next=/template/")).status, 200);
});

test("R25: without a service only that one is away, with a page that says which", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  await nexus.upstream.kill();
  const page = await browser.request("/template/");
  assert.equal(page.status, 502);
  assert.match(page.body, /This service is not running/);
  assert.match(page.body, /template/);
  const called = await browser.request("/template/api/x", { headers: script });
  assert.equal(called.json()["status"], 502);
  for (const { body } of [page, called]) assertNothingInternal(nexus, body);
  assert.equal((await browser.request("/")).status, 200);
  assert.ok(
    nexus.logLines.some((line) => line.includes("ECONNREFUSED")),
    "the log knows why",
  );
  await nexus.upstream.restart();
  assert.equal((await browser.request("/template/")).status, 200);
});
