import assert from "node:assert/strict";
import { test } from "node:test";
import { readChange } from "./identity_event.ts";

const read = (operation: string, resource: string, path: string) =>
  readChange({ id: "event", atMs: 7, operation, resource, path });

test("what happens to a user has that user looked at", () => {
  const look = { kind: "look", sub: "ada" };
  for (const [operation, resource, path] of [
    ["DELETE", "USER", "users/ada"],
    ["DELETE_ACCOUNT", "USER", "users/ada"],

    ["ACTION", "USER", "users/ada/execute-actions-email"],
    ["CREATE", "GROUP_MEMBERSHIP", "users/ada/groups/g"],
    ["DELETE", "GROUP_MEMBERSHIP", "users/ada/groups/g"],
  ] as const) {
    assert.deepEqual(read(operation, resource, path), look, path);
  }
});

test("R12: an update can be of anything, the password included", () => {
  assert.deepEqual(read("UPDATE", "USER", "users/ada"), { kind: "update", sub: "ada", atMs: 7 });
});

test("R12: a new password and a sign-out end what was begun before", () => {
  const signOut = { kind: "sign_out", sub: "ada", beforeMs: 7 };
  const password = read("ACTION", "USER", "users/ada/reset-password");
  assert.deepEqual(password, { ...signOut, cause: "new_password" });
  assert.deepEqual(read("ACTION", "USER", "users/ada/logout"), { ...signOut, cause: "signed_out" });
  const all = read("ACTION", "REALM", "logout-all");
  assert.deepEqual(all, { kind: "sign_out_all", beforeMs: 7 });
});

test("R8: after a logout its person is looked at for a while", () => {
  assert.deepEqual(read("LOGOUT", "USER", "users/ada"), { kind: "logout", sub: "ada" });
});

test("R34: an ended session ends by its id", () => {
  const ended = { kind: "session_end", sid: "x" };
  assert.deepEqual(read("DELETE", "USER_SESSION", "sessions/x"), ended);
});

test("R23: a group that changes may change everybody, a new one nobody", () => {
  const everybody = { kind: "look", sub: undefined };
  assert.deepEqual(read("UPDATE", "GROUP", "groups/g"), everybody);
  assert.deepEqual(read("DELETE", "GROUP", "groups/g"), everybody);
  assert.equal(read("CREATE", "GROUP", "groups/g"), undefined);
});

test("what is of no matter, or not understood, changes nothing", () => {
  for (const [operation, resource, path] of [
    ["ACTION", "REALM", "push-revocation"],
    ["UPDATE", "REALM", ""],
    ["UPDATE", "USER", "users"],
    ["UPDATE", "USER", "users/"],
    ["CREATE", "USER_SESSION", "sessions/x"],
    ["UPDATE", "USER", "undefined"],
  ] as const) {
    assert.equal(read(operation, resource, path), undefined, `${resource} ${path}`);
  }
});
