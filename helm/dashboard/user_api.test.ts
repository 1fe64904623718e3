import assert from "node:assert/strict";
import test from "node:test";
import { startEmbeddedProvider } from "../keycloak/testing.ts";
import { lastFirst } from "../testing.ts";
import { startUsers } from "./users_testing.ts";

test("R9, R12, R23: a program manages users as the administrator whose token it has", async (t) => {
  const provider = await startEmbeddedProvider(lastFirst(t));
  const { call, signIn, isLive, admin, log } = await startUsers(t, provider.adminPlace);
  const created = await call("POST", "/api/users", { username: "grace", groups: ["billing"] });
  assert.equal(created.status, 201);
  const { id, password } = created.body as { id: string; password: string };
  assert.match(password, /^[\w-]{19}$/);
  const path = `/api/users/${id}`;
  const listed = await call("GET", "/api/users?q=grace");
  assert.equal(listed.body["truncated"], false);
  const [user] = listed.body["users"] as Record<string, unknown>[];
  assert.deepEqual(
    [user?.["id"], user?.["enabled"], user?.["must_change_password"], user?.["groups"]],
    [id, true, true, ["billing"]],
  );
  assert.deepEqual((await call("GET", path)).body["sessions"], []);

  const change = async (method: string, tail: string, body?: object) => {
    const token = await signIn("grace");
    const answer = await call(method, path + tail, body);
    return { ...answer, isLive: await isLive(token) };
  };
  const done = { status: 200, body: { sessions_ended: 1 }, isLive: false };
  assert.deepEqual(await change("PUT", "/groups/technicians"), done);
  assert.deepEqual(await change("DELETE", "/groups/billing"), done);
  assert.deepEqual(await admin.groupsOf(id), ["technicians"]);
  assert.deepEqual(await change("POST", "/sign-out"), done);
  const given = { password: "chosen-by-a-program", temporary: false };
  assert.deepEqual(await change("POST", "/reset-password", given), done);
  await provider.openBrowser().signIn("grace", "chosen-by-a-program");
  const reset = await change("POST", "/reset-password", {});
  assert.match(String(reset.body["password"]), /^[\w-]{19}$/);
  assert.deepEqual(await change("PATCH", "", { enabled: false }), done);
  assert.equal((await admin.findUser("grace"))?.isEnabled, false);
  assert.equal((await call("PATCH", path, { enabled: true })).status, 200);
  assert.deepEqual(await change("DELETE", ""), done);
  assert.equal((await call("GET", path)).status, 404);
  for (const secret of [password, "chosen-by-a-program", String(reset.body["password"])]) {
    assert.ok(!log.lines.join().includes(secret), "no password in the log");
  }
});

test("what a program asks wrongly is refused with the reason", async (t) => {
  const provider = await startEmbeddedProvider(lastFirst(t));
  const { call, ask, admin } = await startUsers(t, provider.adminPlace);
  const ada = await admin.findUser("ada");
  const path = `/api/users/${ada?.id}`;
  const refusals = [
    [400, "POST", "/api/users", {}],
    [422, "POST", "/api/users", { username: "two words" }],
    [400, "POST", "/api/users", { username: "x", groups: "billing" }],
    [400, "POST", "/api/users", { username: "x", email: 7 }],
    [400, "POST", "/api/users", { username: "x", password: "" }],
    [409, "POST", "/api/users", { username: "ada" }],
    [400, "PATCH", path, { enabled: "no" }],
    [404, "PUT", `${path}/groups/nosuch`, undefined],
    [404, "DELETE", "/api/users/nobody", undefined],
    [422, "POST", "/api/groups", { name: " " }],
    [409, "POST", "/api/groups", { name: "billing" }],
  ] as const;
  for (const [status, method, where, body] of refusals) {
    const answer = await call(method, where, body);
    assert.equal(answer.status, status, `${method} ${where} ${JSON.stringify(body)}`);
    assert.ok(String(answer.body["detail"]).length > 10);
  }
  assert.equal((await call("POST", "/api/groups", { name: "sales" })).status, 201);
  const groups = ["admins", "billing", "sales", "technicians"];
  assert.deepEqual((await call("GET", "/api/groups")).body, { groups });
  await admin.addToGroup(ada?.id ?? "", "admins");
  const last = await call("DELETE", path);
  assert.equal(last.status, 409);
  assert.match(String(last.body["detail"]), /the last enabled member of "admins"/);
  await provider.close();
  const away = await call("PATCH", path, { enabled: false });
  assert.deepEqual([away.status, away.body["may_have_acted"]], [503, false]);
  const form = await ask(path, { method: "PATCH", body: "enabled=false" });
  assert.equal(form.status, 415);
});
