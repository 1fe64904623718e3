import assert from "node:assert/strict";
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { skipWithoutChromium, startBrowser } from "../../scripts/browser_testing.ts";
import { startTestDaemon } from "../control/testing.ts";

const skip = skipWithoutChromium;

test("the page follows what happens to a service without a reload, after Helm was away too", {
  skip,
}, async (t) => {
  const { page, platform, url } = await openDashboard(t, { javaScriptEnabled: true });
  // What Nexus answers meanwhile, which is no stream.
  const away = "**/api/services/events";
  await page.route(away, (route) => route.fulfill({ status: 502 }));
  await page.clock.install();
  await page.goto(url);
  await page.clock.fastForward(9000);
  await page.getByText(/^No news from Helm just now/).waitFor();
  await page.unroute(away);
  await page.clock.fastForward(4000);
  await page.getByText(/^No news from Helm just now/).waitFor({ state: "detached" });
  await page.evaluate("window.wasNotReloaded = true");
  const row = page.locator("[data-service=beta]");
  await row.getByText("ready", { exact: true }).waitFor();
  await platform.stop("beta");
  await row.getByText("stopped", { exact: true }).waitFor();
  // The sentence above the table and the drawing below it say the same.
  await page.getByRole("status").getByText("beta is stopped.").waitFor();
  const node = page.locator(".graph--wide [data-node=beta]");
  assert.equal(await node.getAttribute("class"), "graph__node graph__node--neutral");
  assert.equal(await node.locator("[data-field=state]").textContent(), "stopped");
  assert.equal(await row.getByRole("button", { name: "Stop" }).isVisible(), false);
  await row.getByRole("button", { name: "Start" }).waitFor({ state: "visible" });
  assert.match((await row.locator("[data-field=state]").getAttribute("class")) ?? "", /--neutral/);
  await platform.startService("beta");
  await row.getByText("ready", { exact: true }).waitFor();
  assert.equal(await page.evaluate("window.wasNotReloaded"), true);
});

test("without a script the page's buttons work all the same", { skip }, async (t) => {
  const { page } = await openDashboard(t, { javaScriptEnabled: false });
  const row = page.locator("[data-service=beta]");
  await row.getByRole("button", { name: "Stop beta" }).click();
  await row.getByText(/stopp(ed|ing)/).waitFor();
});

test("one service's page goes on with its log, until it is paused", { skip }, async (t) => {
  const { page, platform } = await openDashboard(t, { javaScriptEnabled: true }, "/services/beta");
  const log = page.getByRole("region", { name: "End of the log" });
  await log.getByText("I am beta <b>").waitFor();
  await page.getByText("New lines appear by themselves.").waitFor();
  const file = join(platform.checkout.logDir, "beta.log");
  await appendFile(
    file,
    '{"time":"2026-11-27T01:02:03.000Z","level":"warn","message":"<i>late"}\n',
  );
  await log.getByText("01:02:03 warn  <i>late").waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText("Paused").waitFor();
  await appendFile(file, "while it is paused\n");
  await page.getByRole("button", { name: "Pause", pressed: true }).click();
  await page.getByText("New lines appear by themselves.").waitFor();
  await appendFile(file, "after that\n");
  await log.getByText("after that").waitFor();
  assert.doesNotMatch((await log.textContent()) ?? "", /while it is paused/);
});

test("one service's page renews its plots without a reload", { skip }, async (t) => {
  const { page } = await openDashboard(t, { javaScriptEnabled: true }, "/services/beta");
  await page.evaluate('document.querySelector(".plots").dataset.old = ""');
  // As when somebody comes back to it.
  await page.evaluate('document.dispatchEvent(new Event("visibilitychange"))');
  await page.locator(".plots:not([data-old])").waitFor();
  assert.equal(await page.locator(".plots h3").count(), 4);
});

/** The dashboard in a browser that sends what Nexus would. */
async function openDashboard(t: TestContext, options: { javaScriptEnabled: boolean }, path = "/") {
  const { platform, core, url } = await startTestDaemon(t);
  await platform.waitUntilReady();
  const browser = await startBrowser(t);
  const token = await core.userToken({ permission_level: "admin" });
  const extraHTTPHeaders = { authorization: `Bearer ${token}` };
  const visitor = await browser.newContext({ ...options, extraHTTPHeaders });
  const page = await visitor.newPage();
  await page.goto(url + path);
  return { page, platform, url };
}
