import assert from "node:assert/strict";
import { test } from "node:test";
import { loginUrl } from "./login.ts";

test("the login's address carries the wanted page as one parameter", () => {
  const url = new URL(loginUrl("/template/?a=b&c=d#e"), "http://hive.test");
  assert.equal(url.pathname, "/login");
  assert.deepEqual([...url.searchParams], [["next", "/template/?a=b&c=d"]]);
});

test("without a page to come back to it carries none", () => {
  assert.equal(loginUrl("/"), "/login");
  assert.equal(loginUrl("/login?next=/x"), "/login");
  assert.equal(loginUrl("//evil.example"), "/login");
});
