import assert from "node:assert/strict";
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { skipWithoutChromium, startBrowser } from "../../scripts/browser_testing.ts";
import { startTestDaemon } from "../control/testing.ts";
import { lineAt } from "../logs/testing.ts";

const skip = skipWithoutChromium;

test("new lines come on top while one follows, as text, and none while one pauses", {
  skip,
}, async (t) => {
  const { page, write } = await openLogs(t, { javaScriptEnabled: true });
  await page.getByRole("button", { name: "Follow" }).click();
  await page.getByText("Following", { exact: true }).waitFor();
  await write(lineAt(1, "<img src=x onerror=alert(1)>\u001b[2J", { request_id: "abcdef123456" }));
  const line = page.locator(".log__line").first();
  await line.getByText("<img src=x onerror=alert(1)>\\u{1b}[2J").waitFor();
  const href = await line.getByRole("link", { name: "abcdef123456" }).getAttribute("href");
  assert.match(href ?? "", /\/trace\/abcdef123456$/);
  assert.equal(await page.locator("img").count(), 0);
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText("Paused").waitFor();
  await write(lineAt(2, "unseen"));
  await page.getByRole("button", { name: "Follow" }).click();
  await page.getByText("Following", { exact: true }).waitFor();
  await write(lineAt(3, "seen again"));
  await page.getByText("seen again").waitFor();
  assert.equal(await page.getByText("unseen").count(), 0);
});

test("without a script the form searches all the same", { skip }, async (t) => {
  const { page, write } = await openLogs(t, { javaScriptEnabled: false });
  await write(lineAt(1, "a needle"));
  await page.getByLabel("Text").fill("NEEDLE");
  await page.getByRole("button", { name: "Search" }).click();
  await page.getByText("a needle").waitFor();
  assert.equal(await page.locator(".log__line").count(), 1);
  assert.equal(await page.getByRole("button", { name: "Follow" }).isVisible(), false);
});

/** The page over a daemon without a database, in a browser that sends what Nexus would. */
async function openLogs(t: TestContext, options: { javaScriptEnabled: boolean }) {
  const { platform, core, url } = await startTestDaemon(t);
  await platform.waitUntilReady();
  const browser = await startBrowser(t);
  const token = await core.userToken({ permission_level: "admin" });
  const visitor = await browser.newContext({
    ...options,
    extraHTTPHeaders: { authorization: `Bearer ${token}` },
  });
  const page = await visitor.newPage();
  await page.goto(`${url}/logs`);
  const file = join(platform.checkout.logDir, "core.log");
  return { page, write: (line: string) => appendFile(file, `${line}\n`) };
}
