// For tests: the provider is restarted, or away, while people sign in and work.
import assert from "node:assert/strict";
import { test } from "node:test";
import { enter, type SignIn, send } from "./sign_in_testing.ts";

const ownForm = { "sec-fetch-site": "same-origin" };

export function testProviderFaults(signIn: () => SignIn): void {
  test("R25: a restart in the middle of a sign-in costs at most typing the password again", async () => {
    const { nexus, provider, newPerson } = signIn();
    const person = await newPerson();
    const working = await signIn().signIn(person);
    const browser = nexus.openBrowser();
    const form = await browser.open("/template/?a=b");
    await provider.restart();

    let page = await send(browser, form, person);
    if (/type="password"/.test(page.body)) page = await send(browser, page, person);
    assert.equal(page.url, `${nexus.origin}/template/?a=b`);
    assert.equal((await working.request("/template/")).status, 200, "nobody is signed out");
    assert.equal((await working.open("/login?next=/template/")).status, 200);
    await working.request("/logout", { method: "POST", headers: ownForm });
    assert.match((await working.open("/template/")).body, /type="password"/);
  });

  test("R25: while the provider is away the sign-in says so, and whoever is in goes on working", async () => {
    const { nexus, provider, newPerson } = signIn();
    const person = await newPerson();
    const [working, leaving] = [await signIn().signIn(person), await signIn().signIn(person)];
    const waiting = nexus.openBrowser();
    const form = await waiting.open("/template/");
    const newcomer = nexus.openBrowser();
    await provider.close();

    const page = await newcomer.open("/template/");
    assert.equal(page.status, 503);
    assert.match(page.body, /Nobody can sign in at the moment.*Whoever is signed in already/s);
    assert.ok(Number(page.header("retry-after")) > 0);
    assert.match(page.body, /Try again/);
    const sent = await send(waiting, form, person);
    assert.equal(sent.status, 503);
    assert.match(sent.body, /Back to the start page/);
    assert.equal((await working.request("/template/")).status, 200);
    const left = await leaving.request("/logout", { method: "POST", headers: ownForm });
    assert.match(left.body, /may get in without a password/);

    await provider.restart();
    const again = await enter(waiting, person);
    assert.equal(again.url, `${nexus.origin}/`);
    assert.equal((await enter(newcomer, person, "/template/")).url, `${nexus.origin}/template/`);
  });
}
