import assert from "node:assert/strict";
import { test } from "node:test";
import { addPrefix, stripPrefix } from "./prefix.ts";

function strip(path: string, forwardedPrefix?: string) {
  const headers = new Headers();
  if (forwardedPrefix !== undefined) headers.set("x-forwarded-prefix", forwardedPrefix);
  const { url, prefix } = stripPrefix(new Request(`http://h${path}`, { headers }), "template");
  return { path: url.pathname + url.search, prefix };
}

test("a direct visit may carry the prefix or leave it out; links do the same", () => {
  assert.deepEqual(strip("/template/notes?page=2"), { path: "/notes?page=2", prefix: "/template" });
  assert.deepEqual(strip("/template/"), { path: "/", prefix: "/template" });
  assert.deepEqual(strip("/template?x=1"), { path: "/?x=1", prefix: "/template" });
  assert.deepEqual(strip("/notes"), { path: "/notes", prefix: "" });
  assert.deepEqual(strip("/templates/notes"), { path: "/templates/notes", prefix: "" });
});

test("behind Nexus the path is the service's own, and links get the forwarded prefix", () => {
  assert.deepEqual(strip("/notes", "/template"), { path: "/notes", prefix: "/template" });
  assert.deepEqual(strip("/template/x", "/template"), { path: "/template/x", prefix: "/template" });
  assert.deepEqual(strip("/notes", "/tools/template"), {
    path: "/notes",
    prefix: "/tools/template",
  });
});

for (const hostile of [
  "//evil.example",
  "/\\evil.example",
  "https://evil.example",
  "javascript:alert(1)",
  "/a/../..",
  "/..",
  "/a//b",
  "/a/",
  "/a\"onclick='x'",
  "/%2f",
  "/a?b",
  "/a#b",
  "/ä",
]) {
  test(`a forwarded prefix that is no plain path is not used: ${hostile}`, () => {
    assert.deepEqual(strip("/notes", hostile), { path: "/notes", prefix: "" });
  });
}

test("a link stays within the service, whatever the path begins with", () => {
  assert.equal(addPrefix("/template", "/notes?page=2"), "/template/notes?page=2");
  assert.equal(addPrefix("", "/notes"), "/notes");
  assert.equal(addPrefix("", "//evil.example"), "/evil.example");
  assert.equal(addPrefix("", "/\\/evil.example"), "/evil.example");
  assert.equal(addPrefix("/template", "?page=2"), "?page=2", "relative links need no prefix");
});
