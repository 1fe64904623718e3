import assert from "node:assert/strict";
import { test } from "node:test";
import { foldLogin } from "./login_name.ts";

test("what Keycloak takes for the same user name is the same here", () => {
  for (const login of ["ada", "ADA", " Ada ", "\u0001ada", "ada\u0000\t\n", "\u001f\u0020aDa"]) {
    assert.equal(foldLogin(login), "ada", JSON.stringify(login));
  }
  assert.equal(foldLogin("a d a"), "a d a");
  assert.equal(foldLogin(" \u0000 "), "");
});
