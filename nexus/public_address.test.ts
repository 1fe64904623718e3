import assert from "node:assert/strict";
import { test } from "node:test";
import { type AddressPair, publicCookie, publicLocation, publicRefresh } from "./public_address.ts";

const pair: AddressPair = {
  upstreamUrl: new URL("http://127.0.0.1:5040"),
  publicOrigin: "https://hive.example.org",
  prefix: "/template",
};
const below: AddressPair = { ...pair, upstreamUrl: new URL("http://127.0.0.1:5040/base/") };

test("a Location that names the upstream, however, names the public address instead", () => {
  const table: readonly (readonly [location: string, expected: string])[] = [
    ["http://127.0.0.1:5040/a?b#c", "https://hive.example.org/template/a?b#c"],
    ["http://127.0.0.1:5040", "https://hive.example.org/template/"],
    ["http://127.0.0.1:5040?b", "https://hive.example.org/template/?b"],
    ["HTTP://localhost:5040/a", "https://hive.example.org/template/a"],
    ["http://[::1]:5040/a", "https://hive.example.org/template/a"],
    ["//127.0.0.1:5040/a", "https://hive.example.org/template/a"],
  ];
  for (const [location, expected] of table) {
    assert.equal(publicLocation(location, pair), expected, location);
  }
});

test("any other Location stays as it is", () => {
  for (const location of [
    "/a",
    "a/b?c",
    "",
    "?a",
    "https://hive.example.org/template/a",
    "http://127.0.0.1:50401/a",
    "http://127.0.0.1:504/a",
    "https://127.0.0.1:5040/a",
    "http://127.0.0.1:5040.evil.example/",
    "http://127.0.0.1:5040@evil.example/",
    "http://evil.example/http://127.0.0.1:5040/",
    "http://[bad/",
    "//",
    "mailto:ada@example.org",
    "\\\\127.0.0.1:5040",
  ]) {
    assert.equal(publicLocation(location, pair), location);
  }
});

test("the path that a service lives below is not part of its public address", () => {
  assert.equal(
    publicLocation("http://localhost:5040/base/a", below),
    "https://hive.example.org/template/a",
  );
  assert.equal(
    publicLocation("http://localhost:5040/base", below),
    "https://hive.example.org/template/",
  );
  const elsewhere = "http://localhost:5040/basement";
  assert.equal(publicLocation(elsewhere, below), elsewhere);
  assert.equal(publicCookie("a=b; Path=/base/x", below), "a=b; Path=/template/x");
});

test("a cookie's path moves below the service's prefix, and its domain goes", () => {
  const table: readonly (readonly [cookie: string, expected: string])[] = [
    ["sid=1; Path=/; HttpOnly", "sid=1; Path=/template; HttpOnly"],
    ["sid=1; path=/notes", "sid=1; path=/template/notes"],
    ["sid=1; Path=/template/notes", "sid=1; Path=/template/notes"],
    ["sid=1; Path=/template", "sid=1; Path=/template"],
    ["sid=1; Path=/templates", "sid=1; Path=/template/templates"],
    ["sid=1; Domain=127.0.0.1; Path=/; domain", "sid=1; Path=/template"],
    // Without a path the browser takes that of the page, which is below the prefix already.
    ["sid=1", "sid=1"],
    ["sid=1; Path=; Secure", "sid=1; Path=; Secure"],
    ["__Host-sid=1; Path=/; Secure", "__Host-sid=1; Path=/; Secure"],
    ["a=path=/x; Max-Age=1", "a=path=/x; Max-Age=1"],
  ];
  for (const [cookie, expected] of table) assert.equal(publicCookie(cookie, pair), expected);
});

test("the address in a Refresh is treated like a Location", () => {
  const target = "https://hive.example.org/template/a";
  const table: readonly (readonly [refresh: string, expected: string])[] = [
    ["5; url=http://127.0.0.1:5040/a", `5; url=${target}`],
    ["5;URL='http://127.0.0.1:5040/a'", `5;URL='${target}'`],
    ["0, http://127.0.0.1:5040/a", `0, ${target}`],
    ["5; url=/a", "5; url=/a"],
    ["5", "5"],
  ];
  for (const [refresh, expected] of table) assert.equal(publicRefresh(refresh, pair), expected);
});
