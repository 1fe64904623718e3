import assert from "node:assert/strict";
import { test } from "node:test";
import { HttpError } from "@hivematrix/lib/http_error";
import { requireKnownHost } from "./known_host.ts";

const isMisdirected = (error: unknown) =>
  error instanceof HttpError && error.status === 421 && error.message.includes("the address is");

test("the public address is known with and without its scheme's own port, in any case", () => {
  const hive = new URL("https://hive.example.org");
  for (const host of ["hive.example.org", "HIVE.example.ORG", "hive.example.org:443"]) {
    assert.doesNotThrow(() => requireKnownHost(host, hive), host);
  }
  assert.doesNotThrow(() => requireKnownHost("localhost:8000", new URL("http://localhost:8000")));
});

test("any other host is misdirected, and told the right address", () => {
  const hive = new URL("https://hive.example.org");
  for (const host of [
    undefined,
    "",
    "evil.example",
    "hive.example.org:80",
    "hive.example.org:8443",
    "hive.example.org.",
    "hive.example.org.evil.example",
    "hive.example.org@evil.example",
    "127.0.0.1",
    "xhive.example.org",
  ]) {
    assert.throws(() => requireKnownHost(host, hive), isMisdirected, host);
  }
  const local = new URL("http://localhost:8000");
  assert.throws(() => requireKnownHost("localhost", local), isMisdirected);
  assert.throws(() => requireKnownHost("127.0.0.1:8000", local), isMisdirected);
});
