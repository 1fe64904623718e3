// Mix-up attacks: a second provider whose answers are slipped in where the first one's are awaited.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { TestBrowser } from "./browser_testing.ts";
import type { Claims } from "./hostile_provider_testing.ts";
import { startNexus, type TestNexus } from "./testing.ts";

const callbackUrl = /\/keycloak-callback\?/;

const beginAt = (browser: TestBrowser) => browser.openUntil(callbackUrl, "/login?next=/template/");

const unannounced = (body: Claims) => ({
  body: { ...body, authorization_response_iss_parameter_supported: undefined },
});

async function assertRefused(browser: TestBrowser, callback: string, status = 400): Promise<void> {
  const page = await browser.open(callback);
  assert.equal(page.status, status, callback);
  assert.match(page.body, /Sign in again/);
  assert.equal(browser.sessionCookie, undefined);
}

/** Two platforms, each with a provider of its own. */
async function startTwo(t: TestContext): Promise<[TestNexus, TestNexus]> {
  return [await startNexus(t), await startNexus(t)];
}

/** The address of one's own attempt with parameters of another's answer. */
function cross(own: string, other: string, names: readonly string[]): string {
  const [crossed, from] = [new URL(own), new URL(other).searchParams];
  for (const name of names) crossed.searchParams.set(name, from.get(name) ?? "");
  return crossed.href;
}

test("R3: an answer of another provider is refused, whatever it says", async (t) => {
  const nexus = await startNexus(t);
  for (const iss of ["https://evil.example", `${nexus.provider.issuer}/`, ""]) {
    const browser = nexus.openBrowser();
    const callback = new URL(await beginAt(browser));
    if (iss === "") callback.searchParams.append("iss", "https://evil.example");
    else callback.searchParams.set("iss", iss);
    const requests = nexus.provider.tokenRequests.length;
    await assertRefused(browser, callback.href);
    assert.equal(nexus.provider.tokenRequests.length, requests, "the code was not shown to anyone");
  }
});

test("R3: an answer without iss is refused when the provider says that it always names itself", async (t) => {
  const nexus = await startNexus(t);
  for (const change of ["delete", "empty"]) {
    const browser = nexus.openBrowser();
    const callback = new URL(await beginAt(browser));
    if (change === "delete") callback.searchParams.delete("iss");
    else callback.searchParams.set("iss", "");
    await assertRefused(browser, callback.href);
  }
  nexus.provider.wrong.callback = (answer) => {
    answer.delete("iss");
    answer.set("error", "access_denied");
  };
  await assertRefused(nexus.openBrowser(), "/login");
  assert.equal(nexus.provider.tokenRequests.length, 0, "the code was not shown to anyone");
});

test("R3: an answer without iss is taken from a provider that does not announce it, a wrong one never", async (t) => {
  const nexus = await startNexus(t);
  nexus.provider.wrong = { metadata: unannounced, callback: (answer) => answer.delete("iss") };
  assert.equal((await nexus.openBrowser().open("/template/")).status, 200);
  nexus.provider.wrong.callback = (answer) => answer.set("iss", "https://evil.example");
  await assertRefused(nexus.openBrowser(), "/login");
  assert.equal(nexus.provider.tokenRequests.length, 1);
});

test("R3: of two providers, the answers of one open nothing at the other", async (t) => {
  const [one, other] = await startTwo(t);
  const tokenRequests = () =>
    one.provider.tokenRequests.length + other.provider.tokenRequests.length;
  const [mine, theirs] = [one.openBrowser(), other.openBrowser()];
  const callbacks = async () => [await beginAt(mine), await beginAt(theirs)] as const;

  // Each platform gets the other's answer for its own attempt.
  const [toOne, toOther] = await callbacks();
  await assertRefused(mine, cross(toOne, toOther, ["code", "iss"]));
  await assertRefused(theirs, cross(toOther, toOne, ["code", "iss"]));
  const [whole, unused] = await callbacks();
  const { search } = new URL(unused);
  assert.equal((await mine.open(`/keycloak-callback${search}`)).status, 400, "an unknown state");
  await assertRefused(mine, cross(whole, unused, ["iss"]));
  assert.equal(tokenRequests(), 0, "no provider was shown the other's code");

  // An attacker who also forges iss: the code is worth nothing where it was not made.
  const [forged, stolen] = await callbacks();
  await assertRefused(mine, cross(forged, stolen, ["code"]));
  assert.equal(one.provider.tokenRequests.length, 1);
  assert.equal(other.provider.tokenRequests.length, 0);
});

test("R3: of two providers, the ID token of one is refused from the other", async (t) => {
  const [one, other] = await startTwo(t);
  let answer: Claims = {};
  other.provider.wrong.tokenAnswer = (body) => {
    answer = body;
    return { body };
  };
  await other.openBrowser().open("/login");
  // Signed by the same key, as when both are realms of one company.
  one.provider.wrong.tokenAnswer = (body) => ({ body: { ...body, id_token: answer["id_token"] } });
  await assertRefused(one.openBrowser(), "/login");
});

test("R3: a provider that calls itself something else than what is configured signs nobody in", async (t) => {
  const [one, other] = await startTwo(t);
  const { issuer } = one.provider;
  const path = issuer.slice(one.origin.length);
  const others = [
    other.provider.issuer,
    `${issuer}/`,
    issuer.toUpperCase(),
    path,
    [issuer],
    undefined,
  ];
  for (const wrong of others) {
    one.provider.wrong.metadata = (body) => ({ body: { ...body, issuer: wrong } });
    await assertRefused(one.openBrowser(), "/login", 502);
  }
  assert.equal(one.provider.tokenRequests.length, 0, "it is shown no code");
  one.provider.wrong = {};
  assert.equal((await one.openBrowser().open("/template/")).status, 200, "no restart is needed");
});

test("R25: metadata that cannot be had are no refusal: 503, to be tried again", async (t) => {
  const nexus = await startNexus(t);
  for (const reply of [{ status: 404, body: {} }, { body: "<html>" }, { status: 302, body: {} }]) {
    nexus.provider.wrong.metadata = () => reply;
    await assertRefused(nexus.openBrowser(), "/login", 503);
  }
  nexus.provider.wrong = {};
  assert.equal((await nexus.openBrowser().open("/template/")).status, 200);
});
