import assert from "node:assert/strict";
import test from "node:test";
import { skipWithoutChromium, startBrowser } from "../../scripts/browser_testing.ts";
import { startEmbeddedProvider } from "../keycloak/testing.ts";
import { lastFirst } from "../testing.ts";
import { startUsers } from "./users_testing.ts";

const skip = skipWithoutChromium;

test("with the keyboard and without a script, somebody is made, moved, disabled and deleted", {
  skip,
}, async (t) => {
  const provider = await startEmbeddedProvider(lastFirst(t));
  const { url, token, admin } = await startUsers(t, provider.adminPlace);
  const browser = await startBrowser(t);
  const visitor = await browser.newContext({
    javaScriptEnabled: false,
    // As Nexus would send it.
    extraHTTPHeaders: { authorization: `Bearer ${token}` },
  });
  const page = await visitor.newPage();
  const press = async (role: "link" | "button", name: string | RegExp) => {
    await page.getByRole(role, { name }).focus();
    await page.keyboard.press("Enter");
  };
  await page.goto(url);
  await press("link", "Users");
  await press("link", "New user");
  await page.getByLabel("User name").fill("two words");
  await page.getByLabel(/^E-mail address/).fill("grace@example.org");
  await page.getByRole("group", { name: "Groups" }).getByLabel("billing").check();
  await page.keyboard.press("Enter");
  const name = page.getByLabel("User name");
  await page.getByText("A user name has no blanks in it.").waitFor();
  assert.equal(await name.getAttribute("aria-invalid"), "true");
  assert.equal(await page.getByLabel(/^E-mail address/).inputValue(), "grace@example.org");
  await name.fill("grace");
  await page.keyboard.press("Enter");

  const status = page.getByRole("status");
  const made = (await status.locator("code").textContent()) ?? "";
  await page.reload();
  await status.getByText("The password was shown once.").waitFor();
  assert.ok(!(await page.content()).includes(made));
  assert.equal((await admin.findUser("grace"))?.mustChangePassword, true);

  await page.getByLabel("Add to a group").selectOption("technicians");
  await press("button", "Add");
  await status.getByText("Added “grace” to technicians.").waitFor();
  await press("button", "Remove grace from billing");
  await status.getByText("Took “grace” out of billing.").waitFor();
  await press("button", "Reset the password of grace");
  assert.notEqual(await status.locator("code").textContent(), made);
  await press("button", "Disable grace");
  await status.getByText("Disabled “grace”.").waitFor();
  await press("button", "Enable grace");
  await status.getByText("Enabled “grace”.").waitFor();
  await press("link", "Delete … grace");
  await press("link", "Cancel");
  await press("link", "Delete … grace");
  await press("button", "Delete grace");
  await status.getByText("Deleted “grace”.").waitFor();
  await page.getByLabel(/^Find people by name/).fill("ada");
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "ada" }).waitFor();
  assert.equal(await page.getByRole("link", { name: "grace" }).count(), 0);
});
