import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readReturnPath } from "./return_path.ts";
import { openRedirects } from "./return_path_testing.ts";

test("a path of this origin is kept, its query included", () => {
  for (const path of [
    "/",
    "/template/",
    "/template/notes?page=2&q=a%20b",
    "/template/notes?next=https://elsewhere.example//x",
    "/caf%C3%A9/%25",
    "/a?b=%2F%5C%0d%0a",
    "/loginx",
    "/a//b",
    "/@evil.example",
    "/http://evil.example",
  ]) {
    assert.equal(readReturnPath(path), path);
  }
});

test("a fragment stays behind, since it never reaches a server", () => {
  assert.equal(readReturnPath("/a?b#//evil.example"), "/a?b");
});

test("nothing, something endless and the sign-in's own pages lead home", () => {
  for (const path of [null, undefined, "", `/${"a".repeat(2000)}`]) {
    assert.equal(readReturnPath(path), "/");
  }
  for (const name of ["login", "logout", "keycloak-callback", "keycloak"]) {
    for (const path of [`/${name}`, `/${name}/x`, `/${name}?a=b`, `/x/../${name}`]) {
      assert.equal(readReturnPath(path), "/", path);
    }
  }
});

test("R4: every known trick to leave the origin leads home", () => {
  assert.ok(openRedirects.length >= 200, `${openRedirects.length} entries`);
  for (const trick of openRedirects) assert.equal(readReturnPath(trick), "/", trick);
});

const bits = fc.constantFrom(
  ..."/ // \\ /\\ . .. %2f %5c %09 %0d%0a @ : ; ? # http: https:// javascript: evil.example a".split(
    " ",
  ),
  " ",
  "\t",
  "\r\n",
  "\u3002",
  "\u00a0",
);

test("R4: whatever is wanted, the result is a path of this origin", () => {
  const wanted = fc.oneof(
    fc.array(bits, { maxLength: 8 }).map((parts) => parts.join("")),
    fc.string({ unit: "binary" }).map((text) => `/${text}`),
    fc.webUrl(),
  );
  fc.assert(
    fc.property(wanted, (path) => {
      const result = readReturnPath(path);
      assert.match(result, /^\/(?![/\\])[\x21-\x7e]*$/);
      const base = "https://hive.example.org:8443";
      assert.equal(new URL(result, base).origin, base);
      // What is sent once is read the same a second time.
      assert.equal(readReturnPath(result), result);
    }),
    { numRuns: 5000 },
  );
});
