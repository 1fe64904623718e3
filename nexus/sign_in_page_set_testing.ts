// For tests: signing in as a person does it, in a real browser.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { newVisitor, skipWithoutChromium, startBrowser } from "../scripts/browser_testing.ts";
import { fillIn, type Person, type SignIn } from "./sign_in_testing.ts";

/** What the embedded provider and Keycloak call it. */
const refusal = /not right|Invalid username or password/;

export function testSignInPages(signIn: () => SignIn): void {
  describe("in Chromium", { skip: skipWithoutChromium }, () => {
    let browser: Browser;
    let visitor: BrowserContext;
    const cleanUps: (() => unknown)[] = [];
    before(async () => {
      const scope = { after: (cleanUp: () => unknown) => cleanUps.unshift(cleanUp) };
      browser = await startBrowser(scope);
    });
    after(async () => {
      for (const cleanUp of cleanUps) await cleanUp();
    });
    const openPage = async (): Promise<Page> => {
      visitor = await newVisitor(browser);
      return await visitor.newPage();
    };
    const at = (path: string) => signIn().nexus.origin + path;
    const enterAt = async (page: Page, path: string, person: Person) => {
      await page.goto(at(path));
      await fillIn(page, person);
      await page.waitForURL(at(path));
    };

    test("a person signs in, lands on the wanted page, query included, and signs out", async () => {
      const page = await openPage();
      const person = await signIn().newPerson();
      await enterAt(page, "/template/?page=2&q=a%20b", person);
      await page.locator(".side-panel").getByText("Ada Lovelace").waitFor();

      await page.getByRole("button", { name: "Log out" }).click();
      await page.getByText("You are signed out", { exact: true }).waitFor();
      await page.goBack();
      await page.waitForLoadState();
      const text = await page.content();
      assert.doesNotMatch(text, /Ada Lovelace/, "R8: the back button shows nothing");
      await page.goto(at("/template/"));
      await page.locator("input[name=password]").waitFor();
      await visitor.close();
    });

    test("a wrong password is asked for again, and the right one leads to the page", async () => {
      const page = await openPage();
      const person = await signIn().newPerson();
      await page.goto(at("/template/here"));
      await fillIn(page, { ...person, password: "wrong" });
      await page.getByText(refusal).waitFor();
      await fillIn(page, person);
      await page.waitForURL(at("/template/here"));
      await visitor.close();
    });

    test("ten tabs that begin to sign in at once all land on their own pages", async () => {
      const first = await openPage();
      const person = await signIn().newPerson();
      const tabs = [first];
      while (tabs.length < 10) tabs.push(await visitor.newPage());
      const address = (tab: number) => at(`/template/?tab=${tab}`);
      await Promise.all(tabs.map((page, tab) => page.goto(address(tab))));
      // One by one, as a person does it; Keycloak checks one password of somebody at a time.
      for (const [tab, page] of tabs.entries()) {
        await page.bringToFront();
        // A tab may notice that another one has signed in, and go on without its form.
        fillIn(page, person).catch(() => undefined);
        await page.waitForURL(address(tab)).catch(async (error: Error) => {
          const text = (await page.textContent("body"))?.replace(/\s+/g, " ").slice(0, 300);
          throw new Error(`Tab ${tab} is at ${page.url()} with "${text}"`, { cause: error });
        });
      }
      await visitor.close();
    });

    test("a temporary password is asked to be changed, and only the new one counts afterwards", async () => {
      const page = await openPage();
      const person = await signIn().newPerson({ isTemporary: true });
      await page.goto(at("/template/"));
      await fillIn(page, person);
      const password = "a-password-of-her-own";
      await page.locator("input[name=password-new]").fill(password);
      await page.locator("input[name=password-confirm]").fill(password);
      await page.locator("input[name=password-confirm]").press("Enter");
      await page.waitForURL(at("/template/"));
      await visitor.close();

      const next = await openPage();
      await next.goto(at("/template/"));
      await fillIn(next, person);
      await next.getByText(refusal).waitFor();
      await fillIn(next, { ...person, password });
      await next.waitForURL(at("/template/"));
      await visitor.close();
    });
  });
}
