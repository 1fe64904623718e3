import assert from "node:assert/strict";
import { test } from "node:test";
import { readGroupName, readPermissionLevel } from "./permission_level.ts";

test("each group of the contract gives its level, and no group gives client", () => {
  assert.equal(readPermissionLevel(["admins"]), "admin");
  assert.equal(readPermissionLevel(["technicians"]), "technician");
  assert.equal(readPermissionLevel(["billing"]), "billing");
  assert.equal(readPermissionLevel(["gardeners"]), "client");
  assert.equal(readPermissionLevel([]), "client");
});

test("the strongest level counts, in whatever order the groups come", () => {
  assert.equal(readPermissionLevel(["billing", "technicians", "admins"]), "admin");
  assert.equal(readPermissionLevel(["billing", "technicians"]), "technician");
});

test("a group may come as Keycloak's full path", () => {
  assert.equal(readPermissionLevel(["/admins"]), "admin");
  assert.equal(readGroupName("/admins"), "admins");
});

test("only the exact top-level group counts, not one that is nested or merely looks like it", () => {
  const others = [
    "/x/admins",
    "x/admins",
    "/admins/x",
    "//admins",
    "/admins/",
    "admins/",
    "Admins",
    "ADMINS",
    " admins",
    "admins ",
    "admins\n",
    "/admins\n",
    "admin",
    "аdmins", // Cyrillic а
    "",
    "/",
  ];
  for (const group of others) {
    assert.equal(readPermissionLevel([group]), "client", JSON.stringify(group));
  }
});

test("a nested group keeps its path, so that no service takes it for the top-level one", () => {
  assert.equal(readGroupName("/x/admins"), "/x/admins");
});
