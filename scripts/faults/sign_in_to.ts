import type { TestBrowser } from "../../nexus/browser_testing.ts";

/** Signs somebody in, by default a development platform's first user. @returns the session's cookie, `name=value` */
export async function signInTo(
  browser: TestBrowser,
  { username, password } = { username: "admin", password: "admin" },
): Promise<string> {
  const form = await browser.open("/login");
  const page = await browser.submit(form, { username, password });
  const { sessionCookie } = browser;
  if (sessionCookie === undefined) throw new Error(`Not signed in: ${page.url} ${page.body}`);
  return `${sessionCookie.name}=${sessionCookie.value}`;
}
