import assert from "node:assert/strict";
import test from "node:test";
import { skipWithoutChromium, startBrowser } from "../../scripts/browser_testing.ts";
import { ada, grace, startSessions } from "./sessions_testing.ts";

const skip = skipWithoutChromium;

test("R11: with the keyboard and without a script, one person's sessions are ended", {
  skip,
}, async (t) => {
  const { url, token, signIn, isLive } = await startSessions(t);
  const tokens = [await signIn(ada), await signIn(ada)];
  const other = await signIn(grace);
  const browser = await startBrowser(t);
  const visitor = await browser.newContext({
    javaScriptEnabled: false,
    // As Nexus would send it.
    extraHTTPHeaders: { authorization: `Bearer ${token}` },
  });
  const page = await visitor.newPage();
  await page.goto(`${url}/sessions`);

  await page.getByLabel(/^Find people by name/).fill("lovel");
  await page.keyboard.press("Enter");
  await page.getByText("2 sessions of 1 person matching “lovel”").waitFor();
  assert.equal(await page.getByRole("heading", { name: /Grace/ }).count(), 0);

  await page.getByRole("link", { name: "End all sessions of ada" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "End all 2 sessions of ada?" }).waitFor();
  await page.getByRole("link", { name: "Cancel" }).focus();
  await page.keyboard.press("Enter");
  await page.getByText("2 sessions of 1 person matching “lovel”").waitFor();

  await page.getByRole("link", { name: "End all sessions of ada" }).click();
  await page.getByRole("button", { name: "End all 2 sessions" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("status").getByText("Ended 2 sessions of ada.").waitFor();
  for (const ended of tokens) assert.ok(!(await isLive(ended)));

  await page.getByRole("link", { name: "Show everybody" }).click();
  await page.getByText("2 sessions of 2 people").waitFor();
  await page.getByRole("link", { name: /^End the session of grace: Chrome on Linux/ }).click();
  await page.getByRole("button", { name: "End the session" }).click();
  await page
    .getByRole("status")
    .getByText("Ended the session of grace: Chrome on Linux, 192.0.2.7.")
    .waitFor();
  assert.ok(!(await isLive(other)));
  await page.getByRole("link", { name: "Services" }).click();
  await page.getByRole("link", { name: "Sessions" }).click();
  await page.getByText("Nobody is signed in but you, here.").waitFor();
});
