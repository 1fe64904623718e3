import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createIdentityAdmin } from "./admin_client.ts";
import { readAdminClient } from "./admin_guard.ts";
import { startEmbeddedProvider } from "./testing.ts";

const provider = await startEmbeddedProvider(
  { after },
  {
    users: [
      { username: "ada", password: "ada-secret", name: "Ada Lovelace", groups: ["admins"] },
      { username: "grace", password: "grace-secret" },
    ],
  },
);
const { backendUrl, adminPlace } = provider;
const base = `${backendUrl}/admin/realms/hivematrix`;
const admin = createIdentityAdmin(adminPlace);
after(() => admin.close());

async function askToken(id: string, secret: string, fields = {}): Promise<Response> {
  return await fetch(`${backendUrl}/realms/hivematrix/protocol/openid-connect/token`, {
    method: "POST",
    headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}` },
    body: new URLSearchParams({ grant_type: "client_credentials", ...fields }),
  });
}

async function adminToken(): Promise<string> {
  const answer = await askToken(adminPlace.clientId, adminPlace.clientSecret);
  return ((await answer.json()) as { access_token: string }).access_token;
}

async function ask(token: string, method = "GET", path = "/users", body?: object) {
  const type = { "content-type": "application/json" };
  const answer = await fetch(base + path, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body !== undefined && type) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: text && JSON.parse(text) };
}

async function idOf(username: string): Promise<string> {
  return (await admin.findUser(username))?.id ?? "";
}

test("R20: a person's tokens, an administrator's too, open nothing of the admin API", async () => {
  const tokens = await provider.openBrowser().obtainTokens("ada", "ada-secret");
  assert.equal((await ask(tokens.access_token)).status, 403);
  for (const token of [tokens.id_token, tokens.refresh_token, "x", ""]) {
    assert.equal((await ask(token)).status, 401);
  }
  assert.deepEqual((await ask(tokens.access_token)).body, { error: "HTTP 403 Forbidden" });
  assert.equal((await fetch(`${base}/users`)).status, 401);
  const basic = Buffer.from(`${adminPlace.clientId}:${adminPlace.clientSecret}`).toString("base64");
  const headers = { authorization: `Basic ${basic}` };
  assert.equal((await fetch(`${base}/users`, { headers })).status, 401);
});

test("R20: the platform's own client gets no token for itself, nor does a wrong secret", async () => {
  const refused = await askToken(provider.clientId, provider.clientSecret);
  assert.equal(refused.status, 400);
  assert.match(await refused.text(), /grant type is not allowed for this client/);
  assert.equal((await askToken(adminPlace.clientId, "wrong")).status, 401);
  assert.equal((await askToken("nobody", adminPlace.clientSecret)).status, 401);
});

test("R20: the admin client's token is good for nothing else, and the client signs nobody in", async () => {
  const token = await adminToken();
  assert.equal((await ask(token)).status, 200);
  const realm = `${backendUrl}/realms/hivematrix/protocol/openid-connect`;
  const headers = { authorization: `Bearer ${token}` };
  assert.equal((await fetch(`${realm}/userinfo`, { headers })).status, 401);
  const browser = provider.openBrowser();
  const page = await browser.open(browser.attempt({ client_id: adminPlace.clientId }).url);
  assert.equal(page.status, 400);
  for (const grant of ["password", "authorization_code", "refresh_token"]) {
    const fields = { grant_type: grant, username: "ada", password: "ada-secret", code: "x" };
    const answer = await askToken(adminPlace.clientId, adminPlace.clientSecret, fields);
    assert.equal(answer.status, 400, grant);
  }
});

test("R22: without a token no route of the admin API answers anything but 401 or 404", async () => {
  const id = await idOf("ada");
  const paths = `/users /users/count /users/${id} /users/${id}/groups /users/${id}/sessions /groups
    /groups/x /groups/x/members /users/${id}/reset-password /users/${id}/groups/x /users/${id}/logout
    /sessions/x / /clients /../hivematrix/users`.split(/\s+/);
  for (const path of paths) {
    for (const method of ["GET", "POST", "PUT", "DELETE"]) {
      const { status } = await fetch(base + path, { method });
      assert.ok([401, 404, 405].includes(status), `${method} ${path}: ${status}`);
    }
  }
  assert.equal((await fetch(`${backendUrl}/admin/realms/master/users`)).status, 404);
});

test("refusals have Keycloak's statuses and forms", async () => {
  const token = await adminToken();
  const taken = await ask(token, "POST", "/users", { username: "ada" });
  assert.deepEqual(
    [taken.status, taken.body],
    [409, { errorMessage: "User exists with same username" }],
  );
  const unknown = await ask(token, "GET", "/users/00000000-0000-4000-8000-000000000000");
  assert.deepEqual([unknown.status, unknown.body], [404, { error: "User not found" }]);
  for (const body of [{ username: "" }, { username: 1 }, { username: "x", groups: "admins" }]) {
    assert.equal((await ask(token, "POST", "/users", body)).status, 400, JSON.stringify(body));
  }
  const path = `/users/${await idOf("ada")}/reset-password`;
  assert.equal((await ask(token, "PUT", path, { type: "otp", value: "1" })).status, 400);
  assert.equal((await ask(token, "GET", "/users?max=many")).status, 400);
  const group = await ask(token, "POST", "/groups", { name: "admins" });
  assert.equal(group.status, 409);
});

test("what is created is at the address that the answer names", async () => {
  const token = await adminToken();
  const { status, headers } = await ask(token, "POST", "/users", { username: "located" });
  assert.equal(status, 201);
  const location = headers.get("location") ?? "";
  assert.ok(location.startsWith(`${base}/users/`), location);
  const user = await ask(token, "GET", location.slice(base.length));
  // As with Keycloak: who is not said to be enabled is not, and has no password.
  assert.deepEqual([user.body.username, user.body.enabled], ["located", false]);
  const members = await ask(token, "GET", `/groups/${(await admin.listGroups())[0]?.id}/members`);
  assert.deepEqual(
    members.body.map((member: { username: string }) => member.username),
    ["ada"],
  );
  const count = await ask(token, "GET", "/users/count?search=loc");
  assert.equal(count.body, 1);
});

test("a user without a password cannot sign in, whatever is typed", async () => {
  const token = await adminToken();
  await ask(token, "POST", "/users", { username: "bare", enabled: true });
  assert.equal(await provider.accounts.checkPassword("bare", ""), undefined);
  assert.equal(await provider.accounts.checkPassword("bare", "x"), undefined);
  await admin.resetPassword(await idOf("bare"), "bare-secret", { isTemporary: false });
  assert.ok(await provider.accounts.checkPassword("bare", "bare-secret"));
});

test("R11: a person's sessions are listed with place and time, and one of them is ended", async () => {
  const id = await idOf("grace");
  const [first, second] = [provider.openBrowser(), provider.openBrowser()];
  await first.obtainTokens("grace", "grace-secret");
  const tokens = await second.obtainTokens("grace", "grace-secret");
  const sessions = await admin.listSessions(id);
  assert.equal(sessions.length, 2);
  const now = Date.now();
  for (const session of sessions) {
    assert.equal(session.address, "127.0.0.1");
    assert.ok(Math.abs(session.startedAt.getTime() - now) < 60_000);
    assert.ok(session.lastAccessAt.getTime() >= session.startedAt.getTime() - 1000);
  }
  const { sid } = JSON.parse(
    Buffer.from(tokens.id_token.split(".")[1] ?? "", "base64url").toString(),
  ) as { sid: string };
  await admin.endSession(sid);
  const left = await admin.listSessions(id);
  assert.equal(left.length, 1);
  assert.notEqual(left[0]?.id, sid);
  assert.match((await second.open(second.attempt().url)).body, /<h1[^>]*>Sign in/);
  assert.doesNotMatch((await first.open(first.attempt().url)).body, /<h1/);
  await admin.logoutUser(id);
  assert.deepEqual(await admin.listSessions(id), []);
  assert.match((await first.open(first.attempt().url)).body, /<h1[^>]*>Sign in/);
});

test("R9: who is disabled, deleted or given a new password by the admin API is signed out", async () => {
  const orders = {
    disabled: (id: string) => admin.setEnabled(id, false),
    deleted: (id: string) => admin.deleteUser(id),
    reset: (id: string) => admin.resetPassword(id, "another-secret", { isTemporary: false }),
  };
  for (const [username, order] of Object.entries(orders)) {
    const password = "first-secret";
    const { id } = await admin.createUser({ username, password, isTemporary: false });
    const browser = provider.openBrowser();
    const { access_token } = await browser.obtainTokens(username, password);
    await order(id);
    const userinfo = `${backendUrl}/realms/hivematrix/protocol/openid-connect/userinfo`;
    const headers = { authorization: `Bearer ${access_token}` };
    assert.equal((await fetch(userinfo, { headers })).status, 401, username);
    assert.match((await browser.open(browser.attempt().url)).body, /<h1[^>]*>Sign in/, username);
  }
});

test("R26: every change leaves a line that says who, what and by whom, and no password", async () => {
  const { id } = await admin.createUser({
    username: "watched",
    password: "watched-secret",
    isTemporary: false,
  });
  await admin.addToGroup(id, "billing");
  await admin.removeFromGroup(id, "billing");
  await admin.resetPassword(id, "watched-again", { isTemporary: true });
  await admin.setEnabled(id, false);
  await admin.deleteUser(id);
  const lines = provider.lines
    .filter((line) => line.includes(id) && !line.includes('"message":"request"'))
    .map((line) => JSON.parse(line) as { message: string; by: string; request_id: string });
  const done = lines.map((line) => line.message);
  for (const message of [
    "user created",
    "user added to group",
    "user taken out of group",
    "password replaced",
    "user changed",
    "user signed out everywhere",
    "user deleted",
  ]) {
    assert.ok(done.includes(message), `${message} in ${done}`);
  }
  for (const line of lines) assert.equal(line.by, "helm", line.message);
  assert.doesNotMatch(provider.lines.join("\n"), /watched-secret|watched-again/);
});

test("first and last name come as claims, and joined as the name", async () => {
  const { access_token } = await provider.openBrowser().obtainTokens("ada", "ada-secret");
  const userinfo = await fetch(`${backendUrl}/realms/hivematrix/protocol/openid-connect/userinfo`, {
    headers: { authorization: `Bearer ${access_token}` },
  });
  const { name, given_name, family_name } = (await userinfo.json()) as Record<string, string>;
  assert.deepEqual([name, given_name, family_name], ["Ada Lovelace", "Ada", "Lovelace"]);
});

test("half an admin client in the configuration stops the start", () => {
  assert.equal(readAdminClient({}), undefined);
  const whole = { "admin_client.id": "helm", "admin_client.secret": "s" };
  assert.deepEqual(readAdminClient(whole), { id: "helm", secret: "s" });
  assert.throws(() => readAdminClient({ "admin_client.id": "helm" }), {
    name: "SettingsError",
    message: /admin_client\.secret is missing.*helm config sync-all/,
  });
});
