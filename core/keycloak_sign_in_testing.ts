// For tests with a real Keycloak: the way of a sign-in from a browser to Core, with Nexus's part in it.
import { decodeJwt } from "jose";
import { createIdentityAdmin } from "../helm/keycloak/admin_client.ts";
import type { AdminRequests } from "../helm/keycloak/admin_requests.ts";
import type { SharedKeycloak } from "../helm/keycloak/shared_server_testing.ts";
import { readCode, type TestBrowser } from "../helm/keycloak/testing_browser.ts";
import type { StartedCore } from "./testing.ts";

/** Of everybody whom createPerson makes. */
export const password = "correct horse battery";

export interface Person {
  readonly id: string;
  readonly username: string;
}

export interface SignedIn {
  readonly browser: TestBrowser;
  /** Core's. */
  readonly token: string;
  /** The provider's. */
  readonly idToken: string;
}

let people = 0;

/** Somebody new. */
export async function createPerson(
  { adminPlace }: SharedKeycloak,
  groups = ["technicians"],
): Promise<Person> {
  const username = `person-${++people}`;
  const identity = createIdentityAdmin(adminPlace);
  try {
    const { id } = await identity.createUser({
      ...{ username, groups, password, isTemporary: false },
      ...{ email: `${username}@example.org`, firstName: username, lastName: "Test" },
    });
    return { id, username };
  } finally {
    await identity.close();
  }
}

/** By user name and password, in a browser of its own. */
export async function signIn(
  keycloak: SharedKeycloak,
  core: StartedCore,
  username: string,
  secret = password,
): Promise<SignedIn> {
  const browser = keycloak.openBrowser();
  const attempt = browser.attempt();
  const code = await browser.signIn(username, secret, attempt);
  return await exchange(core, browser, code, attempt.verifier);
}

/** By the session that the browser has at Keycloak. @throws {Error} where that asks for a password */
export async function signInSilently(core: StartedCore, browser: TestBrowser): Promise<SignedIn> {
  const attempt = browser.attempt();
  const code = readCode(await browser.open(attempt.url), attempt);
  return await exchange(core, browser, code, attempt.verifier);
}

/** Somebody's sessions at Keycloak, which one administrator's requests can tell. */
export async function countSessions(admin: AdminRequests, id: string): Promise<number> {
  const { body } = await admin.ask("list", "GET", `/users/${id}/sessions`);
  return (body as unknown[]).length;
}

async function exchange(
  core: StartedCore,
  browser: TestBrowser,
  code: string,
  verifier: string,
): Promise<SignedIn> {
  const tokens = (await (await browser.redeem(code, verifier)).json()) as Record<string, string>;
  const { access_token, id_token = "", refresh_token } = tokens;
  const { sid } = decodeJwt(id_token);
  const body = { access_token, id_token, refresh_token, sid };
  const response = await core.post("/api/token/exchange", body);
  if (!response.ok) throw new Error(`No session: ${response.status} ${await response.text()}`);
  const { token } = (await response.json()) as { token: string };
  return { browser, token, idToken: id_token };
}
