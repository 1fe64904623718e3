import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultThrottleLimits } from "@hivematrix/lib/password_throttle";
import { keepConsoleLocal } from "../helm/keycloak/admin_console.ts";
import {
  keycloakServerSkip,
  startKeycloakServer,
  type TestKeycloak,
} from "../helm/keycloak/server_testing.ts";
import { newVisitor, skipWithoutChromium, startBrowser } from "../scripts/browser_testing.ts";
import { testSignIn } from "./sign_in_set_testing.ts";
import { fillIn, type SignIn } from "./sign_in_testing.ts";

let keycloak: TestKeycloak;

testSignIn(
  "the sign-in with a real Keycloak",
  async (scope, publicOrigin, coreUrl) => {
    keycloak = await startKeycloakServer(scope, { publicOrigin, coreUrl, users: [] });
    return keycloak;
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
