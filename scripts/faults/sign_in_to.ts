import type { TestBrowser } from "../../nexus/browser_testing.ts";

/** Signs the first user of a development platform in. @returns the session's cookie, `name=value` */
export async function signInTo(browser: TestBrowser): Promise<string> {
  const form = await browser.open("/login");
  const page = await browser.submit(form, { username: "admin", password: "admin" });
  const { sessionCookie } = browser;
  if (sessionCookie === undefined) throw new Error(`Not signed in: ${page.url} ${page.body}`);
  return `${sessionCookie.name}=${sessionCookie.value}`;
}
