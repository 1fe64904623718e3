import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultHeaders, missingHeaders } from "./response_headers.ts";

const policy = "content-security-policy";

test("R27: an answer without any of them gets all of the protecting headers", () => {
  const headers = missingHeaders(new Map(), defaultHeaders(true));
  const byName = Object.fromEntries(
    headers.flatMap((name, i) => (i % 2 === 0 ? [[name, headers[i + 1]]] : [])),
  );
  assert.equal(byName[policy], "frame-ancestors 'self'");
  assert.equal(byName["x-content-type-options"], "nosniff");
  assert.equal(byName["cross-origin-opener-policy"], "same-origin");
  assert.equal(byName["referrer-policy"], "strict-origin-when-cross-origin");
  const [, seconds] = /^max-age=(\d+)/.exec(byName["strict-transport-security"] ?? "") ?? [];
  assert.ok(Number(seconds) >= 365 * 24 * 3600);
});

test("without TLS nothing promises it", () => {
  assert.ok(!("strict-transport-security" in defaultHeaders(false)));
});

test("what a service has set itself stays alone", () => {
  const present = new Map([
    ["referrer-policy", "no-referrer"],
    [policy, "default-src 'self'; frame-ancestors 'none'"],
  ]);
  const missing = missingHeaders(present, defaultHeaders(false));
  assert.ok(!missing.includes("referrer-policy") && !missing.includes(policy));
});

test("a service's policy that forgets framing gets a second one that does not", () => {
  for (const value of ["default-src 'self'", "img-src x-frame-ancestors.example", ""]) {
    const missing = missingHeaders(new Map([[policy, value]]), defaultHeaders(false));
    assert.deepEqual(missing.slice(-2), [policy, "frame-ancestors 'self'"], value);
  }
  for (const value of ["script-src x, frame-ancestors 'none'", "FRAME-ANCESTORS"]) {
    const missing = missingHeaders(new Map([[policy, value]]), defaultHeaders(false));
    assert.ok(!missing.includes(policy), value);
  }
});
