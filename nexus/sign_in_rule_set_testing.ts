// For tests: the rules of rows R1 to R4 and R29 with a provider that does everything right, so that it
// is Nexus, or both together, that refuse what somebody has changed on the way.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer, TestBrowser } from "./browser_testing.ts";
import { openRedirects } from "./return_path_testing.ts";
import { enter, type SignIn } from "./sign_in_testing.ts";

const callbackUrl = /\/keycloak-callback\?/;

export function testSignInRules(signIn: () => SignIn): void {
  /** In a browser that the provider knows still: up to the callback's address, which is not asked for. */
  const beginAt = (browser: TestBrowser, path = "/template/") =>
    browser.openUntil(callbackUrl, `/login?next=${encodeURIComponent(path)}`);

  /** Signed in at the provider, and not here. */
  async function knownBrowser(): Promise<TestBrowser> {
    const browser = await signIn().signIn();
    browser.cookies = browser.cookies.filter((cookie) => cookie !== browser.sessionCookie);
    return browser;
  }

  async function assertRefused(browser: TestBrowser, callback: string): Promise<void> {
    const page = await browser.open(callback);
    assert.equal(page.status, 400, `${callback} ${page.body}`);
    assert.match(page.body, /Sign in again/);
    assert.equal(browser.sessionCookie, undefined);
  }

  const change = async (browser: TestBrowser, edit: (parameters: URLSearchParams) => void) => {
    const callback = new URL(await beginAt(browser));
    edit(callback.searchParams);
    await assertRefused(browser, callback.href);
  };

  test("R1: a callback's address works once, and only in the browser that asked", async () => {
    const [mine, theirs] = [await knownBrowser(), await knownBrowser()];
    const callback = await beginAt(mine);
    const kept = [...mine.cookies];
    await assertRefused(theirs, callback);
    const page = await mine.open(callback);
    assert.equal(page.url, `${signIn().nexus.origin}/template/`, "it is not used up by trying");
    assert.equal((await mine.open(callback)).status, 400);
    const thief = signIn().nexus.openBrowser();
    thief.cookies = kept;
    await assertRefused(thief, callback);
  });

  test("R1: a code of one attempt does not fit the state of another", async () => {
    const [victim, attacker] = [await knownBrowser(), await knownBrowser()];
    const theirs = new URL(await beginAt(attacker)).searchParams.get("code") ?? "";
    await change(victim, (parameters) => parameters.set("code", theirs));
    const earlier = new URL(await beginAt(victim)).searchParams.get("code") ?? "";
    await change(victim, (parameters) => parameters.set("code", earlier));
  });

  test("R1: a missing, foreign or changed state, and a missing code, are refused", async () => {
    const browser = await knownBrowser();
    await change(browser, (parameters) => parameters.delete("state"));
    await change(browser, (parameters) => parameters.set("state", "unknown"));
    await change(browser, (parameters) => parameters.delete("code"));
    await change(browser, (parameters) => parameters.set("code", "made-up"));
  });

  test("R1: the provider gives no code for an attempt without PKCE, or for another address", async () => {
    const { nexus, provider } = signIn();
    const browser = await knownBrowser();
    const ask = async (edit: (parameters: URLSearchParams) => void) => {
      const url = new URL(await browser.openUntil(/openid-connect\/auth\?/, "/login"));
      edit(url.searchParams);
      const { header, body } = await browser.request(url.href);
      const location = header("location") ?? "";
      assert.doesNotMatch(location, /[?&]code=/, location || body);
      return location;
    };
    const withoutPkce = await ask((parameters) => parameters.delete("code_challenge"));
    assert.match(withoutPkce, /error=invalid_request/);
    await ask((parameters) => parameters.set("code_challenge_method", "plain"));
    for (const address of [
      "https://evil.example/keycloak-callback",
      `${nexus.origin}/`,
      `${nexus.origin}/keycloak-callback/../x`,
      `${nexus.origin}/keycloak-callback?next=//evil.example`,
    ]) {
      const location = await ask((parameters) => parameters.set("redirect_uri", address));
      assert.equal(location, "", address);
    }
    assert.equal(provider.realm, "hivematrix");
  });

  test("R2: whom Nexus knows is whom the provider knows", async () => {
    const { nexus, newPerson } = signIn();
    const person = await newPerson({ groups: ["billing"] });
    const browser = await signIn().signIn(person);
    const { exp, ...me } = (await browser.request("/api/me")).json();
    assert.ok(Number(exp) > Date.now() / 1000);
    assert.deepEqual(me, {
      sub: person.id,
      name: "Ada Lovelace",
      email: `${person.username}@example.org`,
      preferred_username: person.username,
      permission_level: "billing",
      groups: me["groups"],
    });
    assert.match(String(me["groups"]), /^\/?billing$/);
    const { issuer } = await readMetadata(nexus.openBrowser());
    assert.equal(issuer, `${nexus.origin}/keycloak/realms/hivematrix`);
  });

  test("R3: an answer that names another issuer, or none, is refused", async () => {
    const browser = await knownBrowser();
    const metadata = await readMetadata(browser);
    assert.equal(metadata["authorization_response_iss_parameter_supported"], true);
    await change(browser, (parameters) => parameters.set("iss", "https://evil.example"));
    await change(browser, (parameters) => parameters.append("iss", "https://evil.example"));
    await change(browser, (parameters) => parameters.delete("iss"));
  });

  test("R4: no trick in /login leads a signed-in browser to another site", async () => {
    const { origin } = signIn().nexus;
    const browser = await knownBrowser();
    // The provider never sees these: a part of them shows that, and the rest is Nexus's own test.
    for (const trick of openRedirects.filter((_, i) => i % 12 === 0)) {
      const callback = await beginAt(browser, trick);
      const { status, header } = await browser.request(callback);
      assert.equal(status, 303, trick);
      const location = header("location") ?? "";
      assert.equal(new URL(location, callback).origin, origin, trick);
      assert.match(location, /^\/(?![/\\])/, trick);
    }
  });

  test("R5: no password, code or cookie of a sign-in stands in anybody's log", async () => {
    const { nexus, provider, newPerson } = signIn();
    const person = await newPerson();
    const browser = nexus.openBrowser();
    await enter(browser, { ...person, password: `not-${person.password}` });
    await enter(browser, person, "/template/");
    const codes = browser.seen.map(({ url }) => new URL(url).searchParams.get("code") ?? "");
    // What an attempt is called stands in its address too; the cookie beside it signs that.
    const cookies = browser.cookies.flatMap(({ path, value }) =>
      path.includes(value) ? [] : [value],
    );
    const secrets = [person.password, ...codes, ...cookies].filter((secret) => secret.length > 8);
    assert.ok(secrets.length >= 4, `${secrets.length} secrets`);
    const logs = [nexus.logLines, nexus.core.logLines, provider.lines].flat().join("\n");
    assert.ok(logs.includes(person.id), "they are the right logs");
    for (const secret of secrets) assert.ok(!logs.includes(secret), secret);
  });

  test("R29: the contract's admin/admin is nobody, where it was not asked for", async () => {
    const browser = signIn().nexus.openBrowser();
    const page = await enter(browser, { id: "", username: "admin", password: "admin" });
    assert.match(page.body, /type="password"/);
    assert.equal(browser.sessionCookie, undefined);
  });

  test("an unknown user and a wrong password look alike", async () => {
    const person = await signIn().newPerson();
    const look = async (username: string) => {
      const browser = signIn().nexus.openBrowser();
      return describe(await enter(browser, { ...person, username, password: "wrong" }), username);
    };
    assert.deepEqual(await look("nobody-of-that-name"), await look(person.username));
  });

  test("R22: of the provider's other doors none is open through Nexus", async () => {
    const browser = await signIn().signIn();
    const admin =
      "/keycloak/admin/ /keycloak/admin/master/console/ /keycloak/admin/realms/hivematrix";
    for (const path of `${admin} /keycloak/realms/master /keycloak/metrics`.split(" ")) {
      assert.equal((await browser.request(path)).status, 404, path);
    }
    for (const path of ["..;/admin/", "%2e%2e/admin/", "x/..;/..;/admin/", "..%2f..%2fadmin/"]) {
      const { status, body } = await browser.request(`/keycloak/realms/hivematrix/${path}`);
      assert.ok(status === 400 || status === 404, `${path} ${status}`);
      assert.doesNotMatch(body, /console/i);
    }
  });
}

async function readMetadata(browser: TestBrowser): Promise<Record<string, unknown>> {
  const path = "/keycloak/realms/hivematrix/.well-known/openid-configuration";
  return (await browser.request(path)).json();
}

/** What a guesser can tell pages apart by. */
function describe({ status, body, url }: Answer, username: string) {
  const text = body
    .replaceAll(username, "NAME")
    .replaceAll(/(?:session_code|tab_id|client_data|execution)=[\w.%-]+/g, "")
    .replaceAll(/[\w+/-]{40,}/g, "");
  return { status, text, path: new URL(url).pathname.replaceAll(/[\w-]{40,}/g, "") };
}
