import assert from "node:assert/strict";
import { test } from "node:test";
import { lifetimes } from "./lifetimes.ts";
import { remainingSessionSeconds, signInPolicy } from "./session_policy.ts";

test("a session ends ten hours after the sign-in, however often it is saved", () => {
  const now = Math.floor(Date.now() / 1000);
  const remaining = (loginTs: number) => remainingSessionSeconds(undefined, { loginTs });
  assert.ok(Math.abs(remaining(now) - 36_000) <= 1);
  assert.ok(Math.abs(remaining(now - 35_000) - 1000) <= 1);
  // oidc-provider takes positive numbers only.
  assert.equal(remaining(now - 40_000), 1);
});

test("a session that nobody signed in to lasts as long as an attempt", () => {
  assert.equal(remainingSessionSeconds(undefined, {}), lifetimes.attempt);
});

test("there is a login prompt, one for a new password after it, and no consent prompt", () => {
  assert.deepEqual(
    signInPolicy().map(({ name }) => name),
    ["login", "update_password"],
  );
});
