// For tests: the provider is away, and back, while people sign in and work.
import assert from "node:assert/strict";
import { test } from "node:test";
import { enter, type SignIn, send } from "./sign_in_testing.ts";

const ownForm = { "sec-fetch-site": "same-origin" };

export function testProviderFaults(signIn: () => SignIn): void {
  // One test, as a real Keycloak takes its time to start again.
  test("R25: a provider that is away stops sign-ins only, and afterwards they go on", async () => {
    const { nexus, provider, newPerson } = signIn();
    const person = await newPerson();
    const [working, leaving] = [await signIn().signIn(person), await signIn().signIn(person)];
    const [newcomer, waiting] = [nexus.openBrowser(), nexus.openBrowser()];
    const form = await waiting.open("/template/?a=b");
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
    assert.equal((await working.request("/template/")).status, 200, "nobody is signed out");
    const silent = await working.open("/login?next=/template/");
    assert.equal(silent.url, `${nexus.origin}/template/`, "nor at the provider");
    await working.request("/logout", { method: "POST", headers: ownForm });
    assert.match((await working.open("/template/")).body, /type="password"/);

    // The sign-in page that stood open all the time costs at most typing the password again.
    let again = await send(waiting, form, person);
    if (/type="password"/.test(again.body)) again = await send(waiting, again, person);
    assert.equal(again.url, `${nexus.origin}/template/?a=b`);
    assert.equal((await enter(newcomer, person, "/template/")).url, `${nexus.origin}/template/`);
  });
}
