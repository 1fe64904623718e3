import assert from "node:assert/strict";
import { posix } from "node:path";
import { test } from "node:test";
import { HttpError } from "@hivematrix/lib/http_error";
import fc from "fast-check";
import { pathBelow, readTarget, requireOneHost } from "./canonical_target.ts";

const host = "hive.test:8000";

const is400 = (error: unknown) => error instanceof HttpError && error.status === 400;

test("a plain target comes back as it is, split at its first question mark", () => {
  const targets: readonly (readonly [target: string, path: string, query: string])[] = [
    ["/", "/", ""],
    ["/template/notes", "/template/notes", ""],
    ["/a?b=c?d&e=/../f", "/a", "?b=c?d&e=/../f"],
    ["/a?", "/a", "?"],
    ["/caf%C3%A9/%20%25", "/caf%C3%A9/%20%25", ""],
    ["/a/b//c/", "/a/b//c/", ""],
    ["/a...b/.hidden/..x/x..", "/a...b/.hidden/..x/x..", ""],
    ["/a;v=1/b", "/a;v=1/b", ""],
    ["/~!$&'()*+,;=:@-._", "/~!$&'()*+,;=:@-._", ""],
    ["/q?%2f%5c%00..//\\", "/q", "?%2f%5c%00..//\\"],
  ];
  for (const [target, path, query] of targets) {
    assert.deepEqual(readTarget(target, host), { path, query }, target);
  }
});

test("a target that two readers could take differently is refused", () => {
  const paths = [
    "//evil.example/x",
    "///",
    "/\\evil.example",
    "/a\\..\\b",
    "/a/../b",
    "/a/..",
    "/../a",
    "/.",
    "/a/./b",
    "/a/%2e%2e/b",
    "/a/%2E./b",
    "/a/.%2e",
    "/a/..;/b",
    "/a/.;x=1/b",
    "/a/%2e%2e;jsessionid=1/b",
    "/a%2fb",
    "/a%2Fb",
    "/a%5cb",
    "/a%00b",
    "/a%0ab",
    "/a%7f",
    "/a%",
    "/a%zz",
    "/a%2",
    "/%c0%ae%c0%ae/x",
    "/a%C0%AFb",
    "/a%c1%9cb",
    "/a%e0%80%af",
    "/a#b",
    "/a?b#c",
    "/a b",
    "/a\tb",
    "/caf\u00e9",
    "/a?\u00e9",
    "*",
    "",
    "a/b",
    "javascript:alert(1)",
    "hive.test:8000",
  ];
  for (const path of paths) assert.throws(() => readTarget(path, host), is400, path);
});

test("the absolute form is read when it names this host, and refused when it names another", () => {
  assert.deepEqual(readTarget("http://hive.test:8000/a?b", host), { path: "/a", query: "?b" });
  assert.deepEqual(readTarget("HTTP://HIVE.test:8000/a", host), { path: "/a", query: "" });
  assert.deepEqual(readTarget("http://hive.test:8000?b", host), { path: "/", query: "?b" });
  const others = [
    "http://evil.example/a",
    "http://hive.test/a",
    "http://hive.test:8000@evil.example/a",
    "http://ada@hive.test:8000/a",
    "http://hive.test:8000\\@evil.example/",
    "http:///a",
    "http:/a",
    "ftp://hive.test:8000/a",
    "http://hive.test:8000/../a",
    "http://hive.test:8000//a",
  ];
  for (const target of others) assert.throws(() => readTarget(target, host), is400, target);
});

const pieces = fc.constantFrom(
  ..."/ // . .. ... %2e %2E%2e %2f %5C \\ ; ;x a bc é %c3%a9 %00 % # ? @ : %25 %252e".split(" "),
);

test("R17: what is accepted decodes to the same path for every reader", () => {
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 8 }), (parts) => {
      const target = `/${parts.join("")}`;
      const read = attempt(() => readTarget(target, host));
      if (read === undefined) return;
      assert.equal(read.path + read.query, target);
      const decoded = decodeBytes(read.path);
      // A browser, a file system and a servlet container: none of them finds anything to mend.
      const { pathname } = new URL(`http://${host}${target}`);
      assert.equal(decodeBytes(pathname), decoded);
      const normal = posix.normalize(decoded.replaceAll(/\/{2,}/g, "/"));
      assert.equal(normal, decoded.replaceAll(/\/{2,}/g, "/"));
      const withoutParameters = decoded.replaceAll(/;[^/]*/g, "").split("/");
      assert.ok(!withoutParameters.includes("..") && !withoutParameters.includes("."));
    }),
    { numRuns: 5000 },
  );
});

test("the path below a service begins with one slash", () => {
  assert.equal(pathBelow("/template", "template"), "/");
  assert.equal(pathBelow("/template/", "template"), "/");
  assert.equal(pathBelow("/template/a//b", "template"), "/a//b");
  assert.throws(() => pathBelow("/template//evil.example", "template"), is400);
});

test("a second Host header is refused, however it is spelled", () => {
  assert.doesNotThrow(() => requireOneHost({ rawHeaders: ["Host", "a", "X-Host", "host"] }));
  assert.throws(() => requireOneHost({ rawHeaders: ["Host", "a", "hOST", "a"] }), is400);
});

/** Percent-decoded, a character a byte. */
function decodeBytes(path: string): string {
  return path.replaceAll(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
}

function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (is400(error)) return undefined;
    throw error;
  }
}
