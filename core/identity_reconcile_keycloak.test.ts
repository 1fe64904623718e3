// A real Keycloak, which tells nobody what it does to people: whoever may not be here any more is out
// within five seconds. The changes are the requests that its admin console sends.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { findFreePort } from "@hivematrix/lib/postgres_testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { decodeJwt } from "jose";
import { AdminRequests } from "../helm/keycloak/admin_requests.ts";
import { keycloakServerSkip } from "../helm/keycloak/server_testing.ts";
import {
  type SharedKeycloak,
  shareKeycloakServer,
} from "../helm/keycloak/shared_server_testing.ts";
import type { TestBrowser } from "../helm/keycloak/testing_browser.ts";
import * as testing from "./keycloak_sign_in_testing.ts";
import { MemorySessionStore } from "./memory_session_store.ts";
import { type StartedCore, startCore } from "./testing.ts";

const skip = keycloakServerSkip();
let keycloak: SharedKeycloak;
let core: StartedCore;
let admin: AdminRequests;
if (skip === false) {
  const port = await findFreePort();
  const coreUrl = `http://127.0.0.1:${port}`;
  keycloak = await shareKeycloakServer({ after }, { coreUrl, users: [] });
  core = await startCore({ after }, { port, keycloak, reconcile: { periodMs: 2000 } });
  admin = new AdminRequests(keycloak.adminPlace);
  after(() => admin.close());
}

/** The promise of R9, counted from when Keycloak has answered the change. */
const within = { timeoutMs: 5000 };

const createPerson = (groups?: string[]) => testing.createPerson(keycloak, groups);
const signIn = (username: string, secret?: string, at = core) =>
  testing.signIn(keycloak, at, username, secret);
const signInSilently = (browser: TestBrowser) => testing.signInSilently(core, browser);
const isOverThere = async (id: string) => (await testing.countSessions(admin, id)) === 0;

/** While Keycloak ends a session it may still use it for a moment: then Core's new one ends too. */
async function asksForPassword(browser: TestBrowser): Promise<boolean> {
  return await signInSilently(browser).then(
    ({ token }) => waitFor(() => ended(token), within).then(() => false),
    () => true,
  );
}

async function isLive(token: string): Promise<boolean> {
  return (await core.post("/api/token/validate", { token })).status === 200;
}

const ended = async (token: string) => !(await isLive(token));

async function groupId(name: string): Promise<string> {
  const { body } = await admin.ask("find a group", "GET", `/groups?exact=true&search=${name}`);
  return (body as { id: string }[])[0]?.id ?? assert.fail(`no group ${name}`);
}

/** The last reason that Core has logged for an end of this person's session. */
function reasonFor(sub: string): string | undefined {
  const lines = core.logLines.map((line) => JSON.parse(line) as Record<string, string>);
  return lines.findLast((line) => line["message"] === "session ended" && line["sub"] === sub)?.[
    "reason"
  ];
}

test("R9: a disabled user's session is refused within five seconds", { skip }, async () => {
  const { id, username } = await createPerson();
  const { token, browser } = await signIn(username);
  const other = await signIn((await createPerson()).username);
  await admin.ask("disable", "PUT", `/users/${id}`, { enabled: false });
  await waitFor(() => ended(token), within);
  assert.equal(reasonFor(id), "disabled at the identity provider");
  assert.equal(await isLive(other.token), true, "nobody else is signed out");
  await waitFor(() => isOverThere(id), within);
  await admin.ask("enable", "PUT", `/users/${id}`, { enabled: true });
  await waitFor(() => asksForPassword(browser), within);
});

test("R9: a deleted user's session is refused within five seconds", { skip }, async () => {
  const { id, username } = await createPerson();
  const { token } = await signIn(username);
  await admin.ask("delete", "DELETE", `/users/${id}`);
  await waitFor(() => ended(token), within);
  assert.equal(reasonFor(id), "deleted at the identity provider");
});

test("R23: other groups are in force within five seconds, without another password", {
  skip,
}, async () => {
  const { id, username } = await createPerson(["admins", "technicians"]);
  const { token, browser } = await signIn(username);
  assert.equal(decodeJwt(token)["permission_level"], "admin");
  await admin.ask("remove", "DELETE", `/users/${id}/groups/${await groupId("admins")}`);
  await waitFor(() => ended(token), within);
  const { token: renewed } = await signInSilently(browser);
  assert.equal(decodeJwt(renewed)["permission_level"], "technician");
  await admin.ask("add", "PUT", `/users/${id}/groups/${await groupId("admins")}`);
  await waitFor(() => ended(renewed), within);
  const { token: again } = await signInSilently(browser);
  assert.equal(decodeJwt(again)["permission_level"], "admin");
});

test("R23: a group that is renamed or deleted gives its members nothing any more", {
  skip,
}, async () => {
  await admin.ask("make a group", "POST", "/groups", { name: "temporary" });
  const group = await groupId("temporary");
  const { username } = await createPerson(["temporary"]);
  const { token, browser } = await signIn(username);
  await admin.ask("rename", "PUT", `/groups/${group}`, { name: "renamed" });
  await waitFor(() => ended(token), within);
  const { token: renewed } = await signInSilently(browser);
  assert.deepEqual(decodeJwt(renewed)["groups"], ["renamed"]);
  await admin.ask("delete", "DELETE", `/groups/${group}`);
  await waitFor(() => ended(renewed), within);
});

test("R12: a password set by an administrator ends what was begun with the old one", {
  skip,
}, async () => {
  const { id, username } = await createPerson();
  const { token, browser } = await signIn(username);
  const secret = "another password";
  const credential = { type: "password", value: secret, temporary: false };
  await admin.ask("set", "PUT", `/users/${id}/reset-password`, credential);
  await waitFor(() => ended(token), within);
  assert.equal(reasonFor(id), "a new password was set at the identity provider");
  await waitFor(() => asksForPassword(browser), within);
  const renewed = await signIn(username, secret);
  assert.equal(await isLive(renewed.token), true);
});

test("R12: so does one that comes with other changes of the user", { skip }, async () => {
  const { id, username } = await createPerson();
  const { token } = await signIn(username);
  const credentials = [{ type: "password", value: "another password", temporary: false }];
  await admin.ask("change", "PUT", `/users/${id}`, { credentials });
  await waitFor(() => ended(token), within);
  assert.equal(reasonFor(id), "a new password was set at the identity provider");
});

test("R12: whoever chooses a new password decides about their other sessions", {
  skip,
}, async () => {
  const { username } = await createPerson();
  const own = await signIn(username);
  const other = await signIn(username);
  const choose = async (secret: string, fields: Record<string, string>) => {
    const page = await own.browser.open(own.browser.attempt({ kc_action: "UPDATE_PASSWORD" }).url);
    const passwords = { "password-new": secret, "password-confirm": secret };
    const end = await own.browser.submit(page, { ...passwords, ...fields });
    assert.match(end.url, /kc_action_status=success/);
  };
  await choose("a second password", {});
  await choose("a third password", { "logout-sessions": "on" });
  await waitFor(() => ended(other.token), within);
  assert.equal(await isLive(own.token), true);
  assert.equal(await isLive((await signIn(username, "a third password")).token), true);
});

test("R34: a session ended in the admin console is over here, and no other", { skip }, async () => {
  const { id, username } = await createPerson();
  const first = await signIn(username);
  const second = await signIn(username);
  assert.equal(await testing.countSessions(admin, id), 2);
  const { sid } = decodeJwt(first.idToken);
  await admin.ask("end", "DELETE", `/sessions/${sid}`);
  await waitFor(() => ended(first.token), within);
  assert.equal(reasonFor(id), "ended at the identity provider");
  assert.equal(await isLive(second.token), true);
});

test("R34: all sessions ended in the admin console are over here", { skip }, async () => {
  const { id, username } = await createPerson();
  const tokens = [(await signIn(username)).token, (await signIn(username)).token];
  await admin.ask("end all", "POST", `/users/${id}/logout`);
  for (const token of tokens) await waitFor(() => ended(token), within);
});

test("everybody is signed out in the admin console, of which Keycloak sends no message", {
  skip,
}, async () => {
  const { username } = await createPerson();
  const { token } = await signIn(username);
  await admin.ask("end all", "POST", "/logout-all");
  await waitFor(() => ended(token), within);
});

test("R34: a session that was ended while Core was away is over when Core is back", {
  skip,
}, async (t) => {
  const sessions = new MemorySessionStore();
  const away = await startCore(t, { keycloak, sessions });
  const { id, username } = await createPerson();
  const { token, idToken } = await signIn(username, undefined, away);
  await admin.ask("end", "DELETE", `/sessions/${decodeJwt(idToken).sid}`);
  assert.equal((await away.post("/api/token/validate", { token })).status, 200, "nobody told it");
  await away.close();
  const back = await startCore(t, { keycloak, sessions, reconcile: { periodMs: 2000 } });
  const isOver = async () => (await back.post("/api/token/validate", { token })).status === 401;
  await waitFor(isOver, within);
  assert.ok(back.logLines.some((line) => line.includes(id)));
});

test("R8: a logout here ends the provider's session, with Keycloak's own refresh token", {
  skip,
}, async () => {
  const { id, username } = await createPerson();
  const { token, browser } = await signIn(username);
  const response = await core.post("/api/token/revoke", { token });
  assert.equal(response.status, 200);
  assert.equal(await isOverThere(id), true);
  await waitFor(() => asksForPassword(browser), within);
});

test("R2: Core takes no access token that Keycloak's userinfo refuses", { skip }, async () => {
  const exchange = async (access_token: string) =>
    (await core.post("/api/token/exchange", { access_token })).status;
  const { id, username } = await createPerson();
  const browser = keycloak.openBrowser();
  const tokens = await browser.obtainTokens(username, testing.password);
  assert.equal(await exchange(tokens.access_token), 200);
  assert.equal(await exchange(tokens.id_token), 401, "an ID token");
  assert.equal(await exchange(tokens.refresh_token), 401, "a refresh token");
  const service = await browser.post("token", { grant_type: "client_credentials" });
  const { access_token } = (await service.json()) as { access_token: string };
  assert.equal(await exchange(access_token), 401, "a service account's, which is nobody's sign-in");
  await admin.ask("disable", "PUT", `/users/${id}`, { enabled: false });
  assert.equal(await exchange(tokens.access_token), 401, "a disabled person's");
});
