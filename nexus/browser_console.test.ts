// What a real browser makes of the policies: it says in its console what they refuse.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { BrowserContext, Page } from "playwright-core";
import { newVisitor, skipWithoutChromium, startBrowser } from "../scripts/browser_testing.ts";
import { adasPassword, startWithEmbeddedProvider } from "./embedded_provider_testing.ts";
import type { TestNexus } from "./testing.ts";

describe("the pages in Chromium", { skip: skipWithoutChromium }, () => {
  let nexus: TestNexus;
  let visitor: BrowserContext;
  let page: Page;
  const complaints: string[] = [];
  const cleanUps: (() => unknown)[] = [];
  before(async () => {
    const scope = { after: (cleanUp: () => unknown) => cleanUps.unshift(cleanUp) };
    const services = { helm: { admin_only: true }, gone: { url: "http://127.0.0.1:1" } };
    const limits = { sign_in_requests_per_minute: 60 };
    ({ nexus } = await startWithEmbeddedProvider(scope, { isSecure: true, services, limits }));
    visitor = await newVisitor(await startBrowser(scope));
    page = await visitor.newPage();
    page.on("console", (line) => {
      // That a page was refused is what some of these are about.
      const isAboutStatus = /Failed to load resource: the server responded/.test(line.text());
      if (line.type() === "error" && !isAboutStatus)
        complaints.push(`${page.url()}: ${line.text()}`);
    });
    page.on("pageerror", (error) => complaints.push(`${page.url()}: ${error.message}`));
  });
  after(async () => {
    for (const cleanUp of cleanUps) await cleanUp();
  });

  /** Whether the stylesheet has come: without it the page would be white on white paper. */
  const isStyled = () =>
    page.evaluate(`[...document.styleSheets].some(({ href }) => href?.includes("/static/global"))`);

  const look = async (path: string, expected: RegExp) => {
    await page.goto(nexus.origin + path);
    await page.getByText(expected).first().waitFor();
    assert.equal(await isStyled(), true, path);
    assert.deepEqual(complaints, [], path);
  };

  test("R27: no page of Nexus or the provider breaks its own policy", async () => {
    await look("/template/", /User name or e-mail/);
    await page.getByLabel(/user name/i).fill("ada");
    await page.getByLabel(/password/i).fill("wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText(/password is not right/).waitFor();
    assert.equal(await isStyled(), true);
    await page.getByLabel(/password/i).fill(adasPassword.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.locator(".side-panel").getByText("Ada Lovelace").waitFor();
    assert.deepEqual(complaints, []);

    await look("/", /Notes/);
    await look("/sessions", /This/i);
    await look("/unknown/", /There is nothing here/);
    await look("/helm/", /not open to you/);
    await look("/gone/", /not running/);
    await look("/template/a%2fb", /cannot be answered/);
    await look("/keycloak-callback?state=x", /no longer works/);
    await look("/keycloak/admin/", /There is nothing here/);
    await look("/keycloak/realms/hivematrix/unknown", /no such page/i);
    await look("/keycloak/realms/hivematrix/protocol/openid-connect/logout", /Sign out\?/);
    await look("/", /Notes/);
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByText("You are signed out").waitFor();
    assert.equal(await isStyled(), true);
    assert.deepEqual(complaints, []);
  });

  test("R27: what a policy refuses does show in this console", async () => {
    await page.goto(`${nexus.origin}/unknown/`);
    await page.evaluate(
      "document.body.append(Object.assign(document.createElement('script'), { text: '1' }))",
    );
    assert.match(complaints.splice(0).join(""), /Content Security Policy/);
  });

  test("R27: the page of too many requests is readable too", async () => {
    for (let i = 0; i < 60; i++) await visitor.request.get(`${nexus.origin}/login`);
    await look("/login", /Please wait a moment/);
  });
});
