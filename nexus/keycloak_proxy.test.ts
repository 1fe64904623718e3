import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { TestProvider } from "../helm/keycloak/testing.ts";
import { adasPassword, startWithEmbeddedProvider } from "./embedded_provider_testing.ts";
import type { TestNexus } from "./testing.ts";

const password = adasPassword;

for (const isSecure of [false, true]) {
  const where = isSecure ? "with TLS" : "on plain HTTP";
  describe(`the embedded provider behind the gateway ${where}`, () => {
    let nexus: TestNexus;
    let provider: TestProvider;
    const cleanUps: (() => unknown)[] = [];
    before(async () => {
      const scope = { after: (cleanUp: () => unknown) => cleanUps.unshift(cleanUp) };
      ({ nexus, provider } = await startWithEmbeddedProvider(scope, { isSecure }));
    });
    after(async () => {
      for (const cleanUp of cleanUps) await cleanUp();
    });

    test("a person signs in with the password and lands on the wanted page", async () => {
      const browser = nexus.openBrowser();
      const form = await browser.open("/template/?page=2&q=a%20b");
      assert.match(form.url, /\/keycloak\/realms\/hivematrix\//);
      assert.doesNotMatch(form.body, /side-panel/, "the provider's pages stay as they are");
      const page = await browser.submit(form, password);
      assert.equal(page.url, `${nexus.origin}/template/?page=2&q=a%20b`);
      assert.match(page.body, /Ada Lovelace/);
      const me = (await browser.request("/api/me")).json();
      assert.equal(me["permission_level"], "technician");

      // Each cookie of the provider stays on its own paths, and no address behind the gateway shows.
      for (const { name, path } of browser.cookies) {
        if (!name.includes("hivematrix_")) assert.match(path, /^\/keycloak/, name);
      }
      for (const { url, body, header } of browser.seen) {
        assert.ok(url.startsWith(nexus.origin));
        const { host } = new URL(nexus.settings.KEYCLOAK_BACKEND_URL);
        assert.ok(!`${body}${header("location")}`.includes(host), url);
      }
    });

    test("a wrong password is asked for again, and the right one leads to the page", async () => {
      const browser = nexus.openBrowser();
      const form = await browser.open("/template/here");
      const again = await browser.submit(form, { ...password, password: "wrong" });
      assert.match(again.body, /<form/);
      assert.equal(browser.sessionCookie, undefined);
      const page = await browser.submit(again, password);
      assert.equal(page.url, `${nexus.origin}/template/here`);
    });

    test("R8: after the logout the provider asks for the password again", async () => {
      const browser = nexus.openBrowser();
      await browser.submit(await browser.open("/login"), password);
      const silent = await browser.open("/login?next=/template/");
      assert.equal(
        silent.url,
        `${nexus.origin}/template/`,
        "while signed in there it does not ask",
      );
      const headers = { "sec-fetch-site": "same-origin" };
      await browser.request("/logout", { method: "POST", headers });
      const next = await browser.open("/template/");
      assert.match(next.body, /type="password"/);
    });

    test("R8: a provider that was away at the logout is signed out of by the page's own link", async () => {
      const browser = nexus.openBrowser();
      await browser.submit(await browser.open("/login"), password);
      await provider.close();
      const headers = { "sec-fetch-site": "same-origin" };
      const page = await browser.request("/logout", { method: "POST", headers });
      assert.match(page.body, /may get in without a password/);
      await provider.restart();
      assert.equal(
        (await browser.open("/template/")).url,
        `${nexus.origin}/template/`,
        "it is true",
      );
      browser.cookies = browser.cookies.filter((cookie) => cookie !== browser.sessionCookie);

      const [, link = ""] = /href="([^"]*openid-connect&#x2F;logout[^"]*)"/.exec(page.body) ?? [];
      const decoded = link.replaceAll(/&#x2F;/g, "/").replaceAll("&#x3D;", "=");
      const question = await browser.open(decoded.replaceAll("&amp;", "&"));
      const left = await browser.submit(question, { logout: "yes" });
      assert.match(left.body, /type="password"/, "back at the start page, which asks who it is");
    });

    test("ten tabs that sign in at once land on their own pages", async () => {
      const browser = nexus.openBrowser();
      const paths = Array.from({ length: 10 }, (_, tab) => `/template/?tab=${tab}`);
      const forms = await Promise.all(paths.map((path) => browser.open(path)));
      const pages = await Promise.all(forms.map((form) => browser.submit(form, password)));
      assert.deepEqual(
        pages.map(({ url }) => url),
        paths.map((path) => nexus.origin + path),
      );
    });

    test("R25: a restart of the provider costs nobody the session or the next sign-in", async () => {
      const browser = nexus.openBrowser();
      await browser.submit(await browser.open("/login"), password);
      await provider.restart();
      assert.equal((await browser.request("/template/")).status, 200);
      const other = nexus.openBrowser();
      const page = await other.submit(await other.open("/template/"), password);
      assert.equal(page.url, `${nexus.origin}/template/`);
    });
  });
}
