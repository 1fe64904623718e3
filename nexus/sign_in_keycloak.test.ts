import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultThrottleLimits } from "@hivematrix/lib/password_throttle";
import { waitFor } from "@hivematrix/lib/wait_for";
import { keepConsoleLocal } from "../helm/keycloak/admin_console.ts";
import { AdminRequests } from "../helm/keycloak/admin_requests.ts";
import {
  keycloakServerSkip,
  startKeycloakServer,
  type TestKeycloak,
} from "../helm/keycloak/server_testing.ts";
import { newVisitor, skipWithoutChromium, startBrowser } from "../scripts/browser_testing.ts";
import type { TestBrowser } from "./browser_testing.ts";
import { testSignIn } from "./sign_in_set_testing.ts";
import { fillIn, type SignIn } from "./sign_in_testing.ts";

let keycloak: TestKeycloak;

testSignIn(
  "the sign-in with a real Keycloak",
  async (scope, publicOrigin, coreUrl) => {
    keycloak = await startKeycloakServer(scope, { publicOrigin, coreUrl, users: [] });
    // It is away as after a crash.
    return { ...keycloak, close: keycloak.kill };
  },
  {
    skip: keycloakServerSkip(),
    // As Helm sets it up: Nexus counts passwords for Keycloak, and Core asks it about people.
    isSecure: true,
    passwordLimits: defaultThrottleLimits,
    core: { reconcile: { periodMs: 2000 } },
    more(signIn) {
      testAccountPages(signIn);
      testAdminConsole();
    },
    afterwards: testReconciliation,
  },
);

function testAccountPages(signIn: () => SignIn): void {
  test("R11: a person signs out at Keycloak's own account pages, and is out here", {
    skip: skipWithoutChromium,
  }, async (t) => {
    const { nexus, newPerson } = signIn();
    const person = await newPerson();
    const visitor = await newVisitor(await startBrowser(t));
    const page = await visitor.newPage();
    await page.goto(`${nexus.origin}/template/`);
    await fillIn(page, person);
    await page.waitForURL(`${nexus.origin}/template/`);

    await page.goto(`${nexus.origin}/keycloak/realms/${keycloak.realm}/account/`);
    await page.getByTestId("options-toggle").or(page.getByText("Ada Lovelace")).first().click();
    await page.getByText("Sign out").first().click();
    await page.locator("input[name=password]").waitFor();
    await page.goto(`${nexus.origin}/template/`);
    await page.locator("input[name=password]").waitFor();
  });
}

/** Keycloak was killed and is back; all this time Core has asked it about people. */
function testReconciliation(signIn: () => SignIn): void {
  test("R9: Keycloak that was gone hides nothing: who is disabled there now is out", async (t) => {
    const admin = new AdminRequests(keycloak.adminPlace);
    t.after(() => admin.close());
    const person = await signIn().newPerson();
    const [stays, leaves] = [await signIn().signIn(), await signIn().signIn(person)];
    const isIn = async (browser: TestBrowser) =>
      (await browser.request("/template/")).status === 200;
    await admin.ask("disable", "PUT", `/users/${person.id}`, { enabled: false });
    // Core's pause between two tries may have grown to five seconds by now.
    await waitFor(async () => !(await isIn(leaves)), { timeoutMs: 10_000 });
    assert.equal(await isIn(stays), true);
  });
}

function testAdminConsole(): void {
  test("an administrator gets into Keycloak's admin console on this machine's own address", {
    skip: skipWithoutChromium,
  }, async (t) => {
    const { backendUrl, adminPlace, adminUser } = keycloak;
    const mended = await keepConsoleLocal(adminPlace);
    assert.equal(mended.length, 1);
    assert.match(mended[0] ?? "", /^realm "master": attributes\/frontendUrl was not set, is /);
    assert.deepEqual(await keepConsoleLocal(adminPlace), [], "once is enough");

    const visitor = await newVisitor(await startBrowser(t));
    const page = await visitor.newPage();
    const elsewhere: string[] = [];
    page.on("request", (sent) => {
      if (!sent.url().startsWith(`${backendUrl}/`)) elsewhere.push(sent.url());
    });
    await page.goto(`${backendUrl}/admin/`);
    await page.locator("input[name=username]").fill(adminUser.username);
    await page.locator("input[name=password]").fill(adminUser.password);
    await page.locator("input[name=password]").press("Enter");
    await page.getByText("Manage realms").first().waitFor();
    assert.deepEqual(elsewhere, []);
  });
}
