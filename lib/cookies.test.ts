import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatCookie, readCookies } from "./cookies.ts";

test("cookies are read by name, whatever stands around them", () => {
  const read = (header: string | null | undefined) => Object.fromEntries(readCookies(header));
  assert.deepEqual(read("a=1; b=2"), { a: "1", b: "2" });
  assert.deepEqual(read("a=1;b=2 ;  c = 3"), { a: "1", b: "2", c: "3" });
  assert.deepEqual(read('a="quoted"; b=x=y=; c='), { a: '"quoted"', b: "x=y=", c: "" });
  assert.deepEqual(read("nothing; =nameless; ; a=%20"), { a: "%20" });
  assert.deepEqual(read(""), {});
  assert.deepEqual(read(null), {});
  assert.deepEqual(read(undefined), {});
});

test("of two cookies with one name the first, most specific one counts", () => {
  assert.equal(readCookies("a=own; a=planted").get("a"), "own");
});

test("a cookie named like something of JavaScript's own is just a cookie", () => {
  const cookies = readCookies("__proto__=x; constructor=y");
  assert.deepEqual(
    [...cookies],
    [
      ["__proto__", "x"],
      ["constructor", "y"],
    ],
  );
});

test("by default a cookie suits a session", () => {
  assert.equal(formatCookie("a", "1"), "a=1; Path=/; SameSite=Lax; HttpOnly");
});

test("R7: every attribute can be set, Domain cannot", () => {
  const options = {
    path: "/login",
    httpOnly: false,
    secure: true,
    sameSite: "None",
    maxAgeSeconds: 59.9,
    domain: "example.org",
  } as const;
  assert.equal(
    formatCookie("a", "1", options),
    "a=1; Path=/login; SameSite=None; Max-Age=59; Secure",
  );
  assert.match(formatCookie("a", "", { maxAgeSeconds: 0 }), /^a=; .*Max-Age=0/);
  assert.match(
    formatCookie("__Host-a", "1", { secure: true }),
    /^__Host-a=1; Path=\/; .*; Secure$/,
  );
});

for (const [what, name, value, options] of [
  ["a name with a semicolon", "a;b", "1", {}],
  ["a name with an equals sign", "a=b", "1", {}],
  ["no name", "", "1", {}],
  ["a value with a semicolon", "a", "1; Domain=evil", {}],
  ["a value with a comma", "a", "1,2", {}],
  ["a value with a space", "a", "1 2", {}],
  ["a value with a quote", "a", '"', {}],
  ["a value with a backslash", "a", "\\", {}],
  ["a value with a line end", "a", "1\r\nX: y", {}],
  ["a value beyond ASCII", "a", "é", {}],
  ["a path with an attribute", "a", "1", { path: "/; Domain=evil" }],
  ["a path without a slash", "a", "1", { path: "login" }],
  ["more than browsers keep", "a", "x".repeat(4096), {}],
  ["__Host- without Secure", "__Host-a", "1", {}],
  ["__Host- with a path", "__Host-a", "1", { secure: true, path: "/x" }],
  ["__Secure- without Secure", "__secure-a", "1", {}],
  ["SameSite=None without Secure", "a", "1", { sameSite: "None" }],
] as const) {
  test(`what no browser would keep as meant is refused: ${what}`, () => {
    const message = /^Cannot set cookie "/;
    assert.throws(() => formatCookie(name, value, options), { name: "RangeError", message });
  });
}

test("a cookie of exactly what browsers keep is set", () => {
  assert.doesNotThrow(() => formatCookie("a", "x".repeat(4095)));
});

test("what is formatted reads back the same", () => {
  const value = fc.stringMatching(/^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/);
  fc.assert(
    fc.property(value, (text) => {
      const [pair = ""] = formatCookie("a", text).split(";");
      assert.equal(readCookies(`x=1; ${pair}`).get("a"), text);
    }),
  );
});
