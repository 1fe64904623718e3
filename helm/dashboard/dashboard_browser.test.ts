import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { skipWithoutChromium, startBrowser } from "../../scripts/browser_testing.ts";
import { startTestDaemon } from "../control/testing.ts";

const skip = skipWithoutChromium;

test("the page follows what happens to a service without a reload", { skip }, async (t) => {
  const { page, platform } = await openDashboard(t, { javaScriptEnabled: true });
  await page.evaluate("window.wasNotReloaded = true");
  const row = page.locator("[data-service=beta]");
  await row.getByText("ready", { exact: true }).waitFor();
  const pid = await row.locator("[data-field=pid]").textContent();
  await platform.stop("beta");
  await row.getByText("stopped", { exact: true }).waitFor();
  assert.equal(await row.getByRole("button", { name: "Stop" }).isVisible(), false);
  await row.getByRole("button", { name: "Start" }).waitFor({ state: "visible" });
  assert.match((await row.locator("[data-field=state]").getAttribute("class")) ?? "", /--neutral/);
  await platform.startService("beta");
  await row.getByText("ready", { exact: true }).waitFor();
  assert.notEqual(await row.locator("[data-field=pid]").textContent(), pid);
  assert.equal(await page.evaluate("window.wasNotReloaded"), true);
});

test("without a script the page's buttons work all the same", { skip }, async (t) => {
  const { page } = await openDashboard(t, { javaScriptEnabled: false });
  const row = page.locator("[data-service=beta]");
  await row.getByRole("button", { name: "Stop beta" }).click();
  await row.getByText(/stopp(ed|ing)/).waitFor();
});

/** The dashboard in a browser that sends what Nexus would. */
async function openDashboard(t: TestContext, options: { javaScriptEnabled: boolean }) {
  const { platform, core, url } = await startTestDaemon(t);
  await platform.waitUntilReady();
  const browser = await startBrowser(t);
  const token = await core.userToken({ permission_level: "admin" });
  const extraHTTPHeaders = { authorization: `Bearer ${token}` };
  const visitor = await browser.newContext({ ...options, extraHTTPHeaders });
  const page = await visitor.newPage();
  await page.goto(`${url}/`);
  return { page, platform };
}
