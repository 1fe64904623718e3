// For tests: every page that the platform shows anybody, and whether everybody can use it. A new page is
// one line below.
import assert from "node:assert/strict";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { findBarriers } from "./accessibility_testing.ts";
import { newVisitor } from "./browser_testing.ts";

/** What this needs of a running platform. */
export interface VisitedPlatform {
  readonly origin: string;
  helm(...words: string[]): Promise<{ readonly status: number; readonly output: string }>;
}

/** An address, or the way to a page that has none; and its heading, so that no other page is taken for it. */
type Visit = readonly [to: string | Way, heading: string | RegExp];
type Way = (page: Page, origin: string) => Promise<unknown>;

/** Made with `helm new` before. */
const app = "time_sheets";
const carol = "carol";
const carolsPassword = "carols-own-secret";
const temporary = { password: "" };

const withoutSession: readonly Visit[] = [
  ["/template/", "Sign in"],
  [(page) => fillIn(page, "admin", "wrong"), "Sign in"],
  [(page) => press(page, "Cancel"), "Sign-in cancelled"],
  ["/keycloak-callback?code=x&state=y", "This sign-in link no longer works"],
  [
    "/keycloak/realms/hivematrix/protocol/openid-connect/auth?client_id=x",
    "This link does not work",
  ],
  ["/keycloak/realms/hivematrix/protocol/openid-connect/logout", "You are signed out"],
  ["/template/..%2fx", "This address cannot be answered"],
];

const asAdministrator: readonly Visit[] = [
  ["/", "Hello, Admin"],
  ["/sessions", "Your sessions"],
  ["/nosuch/", "There is nothing here"],
  ["/template/", "Notes"],
  ["/template/admin/settings", "Settings"],
  ["/template/nosuch", "Not Found"],
  ["/helm/", "Services"],
  ["/helm/services/template", "template"],
  ["/helm/services/nosuch", "Not Found"],
  ["/helm/apps", "Apps"],
  [(page) => installFrom(page, "/nowhere/at-all"), "Install at-all"],
  [`/helm/apps/${app}/uninstall`, `Uninstall ${app}?`],
  ["/helm/operations/nosuch", "Not Found"],
  ["/helm/logs", "Logs"],
  [(page) => page.locator('a[href*="/trace/"]').first().click(), "One request"],
  ["/helm/trace/abcdef", "One request"],
  ["/helm/logs?q=nothing-of-this-kind", "Logs"],
  ["/helm/config", "Configuration"],
  ["/helm/config/history", "History of the settings"],
  ["/helm/config/value?app=template&key=CORE_SERVICE_URL", /./],
  ["/helm/config/setting?key=system.log_level", "system.log_level"],
  [(page) => propose(page, "loud"), "system.log_level"],
  [(page) => propose(page, "DEBUG"), /./],
  ["/helm/config", "Configuration"],
  ["/helm/config/value?app=template&key=KEYCLOAK_SERVER_URL", "KEYCLOAK_SERVER_URL"],
  ["/helm/config/history", "History of the settings"],
  ["/helm/config/setting?key=apps.template.title", "apps.template.title"],
  [(page) => press(page, "Show the plan"), /apps\.template\.title/],
  ["/helm/config/setting?key=nosuch", "Not Found"],
  ["/helm/sessions", "Everybody's sessions"],
  [(page) => page.getByRole("link", { name: "End" }).first().click(), /End/],
  ["/helm/users", "Users"],
  ["/helm/users?q=nobody-of-this-name", "Users"],
  [`/helm/users?q=${carol}`, "Users"],
  [(page) => page.getByRole("link", { name: carol, exact: true }).click(), carol],
  [(page) => page.getByRole("link", { name: "Delete" }).click(), /Delete/],
  ["/helm/users/new", "New user"],
  [createBadUser, "New user"],
  ["/helm/users/groups", "Groups"],
  ["/helm/users/nosuch", "Not Found"],
];

const asClient: readonly Visit[] = [
  ["/login", "Sign in"],
  [(page) => fillIn(page, carol, temporary.password), "Choose a new password"],
  [(page) => choosePassword(page, "short"), "Choose a new password"],
  [(page) => choosePassword(page, carolsPassword), /carol/],
  ["/helm/", "Helm is not open to you"],
  [fromAnotherSite("/logout"), "Do you want to sign out?"],
  ["/logout", "You are signed out"],
];

const whilePartsAreStopped: readonly Visit[] = [
  ["/helm/", "Services"],
  ["/helm/services/template", "template"],
  ["/helm/users", "Users cannot be shown"],
  ["/template/", "This service is not running"],
];

const away = "Please try again in a moment";

/** Everything as far as it goes with all parts running, and with some that are stopped and started again. */
export async function visitEveryPage(platform: VisitedPlatform, browser: Browser): Promise<void> {
  temporary.password = await makePerson(platform);
  const nobody = await visit(platform, await newVisitor(browser), withoutSession);
  await nobody.close();

  const client = await visit(platform, await newVisitor(browser), asClient);
  await client.close();

  const administrator = await newVisitor(browser);
  const page = await administrator.newPage();
  await page.goto(`${platform.origin}/login`);
  await fillIn(page, "admin", "admin");
  await visit(platform, administrator, asAdministrator);
  await run(platform, "stop", "template", "keycloak");
  await visit(platform, administrator, whilePartsAreStopped);
  await visit(platform, await newVisitor(browser), [["/login", away]]);
  await run(platform, "stop", "core");
  await visit(platform, administrator, [["/helm/", away]]);
  await run(platform, "start", "core", "keycloak", "template");
  await administrator.close();
}

/** Goes through the list in one tab, and looks at each page. @throws {Error} with all that is wrong */
async function visit(
  { origin }: VisitedPlatform,
  visitor: BrowserContext,
  visits: readonly Visit[],
): Promise<BrowserContext> {
  const page = visitor.pages()[0] ?? (await visitor.newPage());
  const barriers: string[] = [];
  for (const [to, heading] of visits) {
    await page.setViewportSize({ width: 1280, height: 800 });
    await (typeof to === "string" ? page.goto(origin + to) : to(page, origin));
    await page.waitForLoadState();
    const shown = (await page.locator("h1").first().textContent()) ?? "";
    const what = `${new URL(page.url()).pathname} "${shown.trim()}"`;
    assert.match(shown.trim(), heading instanceof RegExp ? heading : asWhole(heading), what);
    for (const barrier of await findBarriers(page)) barriers.push(`${what}: ${barrier}`);
  }
  assert.deepEqual(barriers, []);
  return visitor;
}

function asWhole(text: string): RegExp {
  return new RegExp(`^${text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`);
}

async function installFrom(page: Page, folder: string): Promise<void> {
  await page.getByLabel(/^Git URL/).fill(folder);
  await page.getByRole("button", { name: "Install", exact: true }).click();
  await page.getByRole("alert").waitFor();
}

async function fillIn(page: Page, username: string, password: string): Promise<void> {
  await page.getByLabel(/^User name/).fill(username);
  await page.getByLabel("Password").fill(password);
  await press(page, "Sign in");
}

/** Both passwords, for the page that asks for a new one. */
async function choosePassword(page: Page, password: string): Promise<void> {
  for (const field of await page.locator("input[type=password]").all()) await field.fill(password);
  await page.locator("button[type=submit]").first().click();
}

/** As another site's script would send somebody here. */
function fromAnotherSite(path: string): Way {
  return async (page, origin) => {
    await page.goto("about:blank");
    const address = JSON.stringify(origin + path);
    await Promise.all([
      page.waitForURL(origin + path),
      page.evaluate(`location.href = ${address}`),
    ]);
  };
}

async function press(page: Page, name: string): Promise<void> {
  await page.getByRole("button", { name, exact: true }).click();
}

async function createBadUser(page: Page): Promise<void> {
  await page.getByLabel("User name").fill("two words");
  await page.keyboard.press("Enter");
  await page.locator("[aria-invalid]").waitFor();
}

/** Another value for the setting that the page is about; what it would do is shown first. */
async function propose(page: Page, value: string): Promise<void> {
  await page.locator("input[name=value]").fill(value);
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
}

/** Somebody without any group. @returns the password that has to be changed at the first sign-in */
async function makePerson(platform: VisitedPlatform): Promise<string> {
  const output = await run(platform, "users", "create", carol, "--email", "carol@example.org");
  return /"?([A-Z]\w{3}(?:-\w{4}){3})"?/.exec(output)?.[1] ?? assert.fail(output);
}

async function run({ helm }: VisitedPlatform, ...words: string[]): Promise<string> {
  const { status, output } = await helm(...words);
  assert.equal(status, 0, output);
  return output;
}
