// For tests: what ends a session, here and at the provider, and that it then is over everywhere.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { waitFor } from "@hivematrix/lib/wait_for";
import type { IdentityAdmin } from "../helm/keycloak/admin_client.ts";
import type { TestBrowser } from "./browser_testing.ts";
import { enter, type Person, type SignIn, send } from "./sign_in_testing.ts";

const ownForm = { "sec-fetch-site": "same-origin" };

export function testSessionEnds(signIn: () => SignIn): void {
  const isIn = async (browser: TestBrowser) => (await browser.request("/template/")).status === 200;
  /** The end of a session cuts what is under way with it: then it has to be asked again. */
  const isRefused = async (browser: TestBrowser) =>
    await browser.request("/template/").then(
      ({ status }) => status === 302,
      () => false,
    );
  const asksForPassword = async (browser: TestBrowser) =>
    /type="password"/.test((await browser.open("/template/")).body);

  async function signedIn(): Promise<{ person: Person; browser: TestBrowser }> {
    const person = await signIn().newPerson();
    const browser = await signIn().signIn(person);
    assert.ok(await isIn(browser));
    return { person, browser };
  }

  test("R8: a logout ends the session here, at Core and at the provider, which asks again", async () => {
    const { person, browser } = await signedIn();
    const kept = browser.sessionCookie;
    assert.ok(kept);
    assert.equal((await signIn().admin.listSessions(person.id)).length, 1);
    const page = await browser.request("/logout", { method: "POST", headers: ownForm });
    assert.match(page.body, /You are signed out<.*Your sign-in at the sign-in service/s);
    assert.equal(page.header("clear-site-data"), '"cache", "storage"');
    assert.deepEqual(await signIn().admin.listSessions(person.id), []);
    assert.ok(await asksForPassword(browser));
    const thief = signIn().nexus.openBrowser();
    thief.cookies = [kept];
    assert.ok(!(await isIn(thief)));
  });

  test("a logout in one browser leaves the person's other one alone", async () => {
    const { person, browser } = await signedIn();
    const other = await signIn().signIn(person);
    await browser.request("/logout", { method: "POST", headers: ownForm });
    assert.ok(await isIn(other));
    assert.equal((await signIn().admin.listSessions(person.id)).length, 1);
  });

  test("a second sign-in in the same browser ends there with one logout", async () => {
    const { person, browser } = await signedIn();
    assert.equal((await browser.open("/login?next=/template/")).status, 200, "without a question");
    await browser.request("/logout", { method: "POST", headers: ownForm });
    assert.ok(await asksForPassword(browser));
    assert.deepEqual(await signIn().admin.listSessions(person.id), []);
  });

  test("R8: the provider's own sign-out page, reached without a session, asks and leads back", async () => {
    const browser = await signIn().signIn();
    browser.cookies = browser.cookies.filter((cookie) => cookie !== browser.sessionCookie);
    const page = await browser.request("/logout");
    assert.match(page.body, /Nobody was signed in here/);
    const [, link = ""] = /href="([^"]*openid-connect&#x2F;logout[^"]*)"/.exec(page.body) ?? [];
    const href = link.replaceAll("&#x2F;", "/").replaceAll("&#x3D;", "=").replaceAll("&amp;", "&");
    const question = await browser.open(href);
    assert.match(question.body, /<form/, `${href} ${question.url}`);
    const left = await browser.submit(question, { logout: "yes", confirmLogout: "yes" });
    assert.match(left.body, /type="password"/, `${left.url}: back at the start page, which asks`);
  });

  const ends: Record<string, (person: Person) => Promise<unknown>> = {
    "one session is ended at the provider": async ({ id }) => {
      const [session] = await signIn().admin.listSessions(id);
      await signIn().admin.endSession(session?.id ?? "");
    },
    "a person is signed out at the provider": ({ id }) => signIn().admin.logoutUser(id),
  };
  for (const [what, end] of Object.entries(ends)) {
    test(`R9: once ${what}, the next request is refused`, async () => {
      const { person, browser } = await signedIn();
      const { browser: somebodyElse } = await signedIn();
      await end(person);
      await waitFor(() => isRefused(browser), { what: "the end of the session" });
      assert.ok(await asksForPassword(browser));
      assert.ok(await isIn(somebodyElse));
    });
  }

  const changes: Record<string, (person: Person, admin: IdentityAdmin) => Promise<void>> = {
    "R9: somebody who is disabled": ({ id }, admin) => admin.setEnabled(id, false),
    "R9: somebody who is deleted": ({ id }, admin) => admin.deleteUser(id),
    "R12: somebody whose password is replaced": ({ id }, admin) =>
      admin.resetPassword(id, "another-password", { isTemporary: false }),
    "R23: somebody who leaves a group": ({ id }, admin) => admin.removeFromGroup(id, "technicians"),
    "R23: somebody who joins a group": ({ id }, admin) => admin.addToGroup(id, "admins"),
  };
  describe("within five seconds", { concurrency: true }, () => {
    for (const [who, change] of Object.entries(changes)) {
      test(`${who} loses the session`, async () => {
        const { person, browser } = await signedIn();
        await change(person, signIn().admin);
        const what = `the end of the session of ${who}`;
        await waitFor(() => isRefused(browser), { what, timeoutMs: 5000 });
      });
    }
  });

  test("R23: whoever has lost a session over groups signs in with the new level", async () => {
    const { person, browser } = await signedIn();
    await signIn().admin.addToGroup(person.id, "admins");
    await waitFor(() => isRefused(browser), { what: "the end of the session", timeoutMs: 5000 });
    let page = await browser.open("/template/");
    if (/type="password"/.test(page.body)) page = await send(browser, page, person);
    assert.equal(page.url, `${signIn().nexus.origin}/template/`);
    assert.equal((await browser.request("/api/me")).json()["permission_level"], "admin");
  });

  test("R34: a logout token ends its session once, and no other token does", async () => {
    const { nexus, provider, logoutTokens, admin } = signIn();
    const { person, browser } = await signedIn();
    const before = logoutTokens.length;
    await admin.logoutUser(person.id);
    await waitFor(() => logoutTokens.length > before, { what: "the provider's message" });
    await waitFor(() => isRefused(browser), { what: "the end of the session" });
    const post = async (token: string) => {
      const { status } = await fetch(`${nexus.core.url}/api/backchannel-logout`, {
        method: "POST",
        body: new URLSearchParams({ logout_token: token }),
      });
      return status;
    };
    for (const token of logoutTokens.slice(before)) assert.equal(await post(token), 400, "replay");

    const victim = await signIn().signIn(person);
    const tokens = await provider.openBrowser().obtainTokens(person.username, person.password);
    for (const token of [tokens.id_token, tokens.access_token, tokens.refresh_token]) {
      assert.equal(await post(token), 400);
    }
    assert.ok(await isIn(victim));
  });

  test("R9: somebody who is disabled or deleted does not get in again", async () => {
    const { admin, newPerson, nexus } = signIn();
    const isKeptOut = async (person: Person) => {
      const browser = nexus.openBrowser();
      const page = await enter(browser, person);
      return browser.sessionCookie === undefined && /type="password"/.test(page.body);
    };
    const disabled = await newPerson();
    await admin.setEnabled(disabled.id, false);
    assert.ok(await isKeptOut(disabled));
    await admin.setEnabled(disabled.id, true);
    assert.ok(!(await isKeptOut(disabled)));
    const deleted = await newPerson();
    await admin.deleteUser(deleted.id);
    assert.ok(await isKeptOut(deleted));
  });
}
