import assert from "node:assert/strict";
import { test } from "node:test";
import {
  defaultThrottleLimits,
  PasswordThrottle,
  readThrottleLimits,
} from "./password_throttle.ts";

const limits = {
  failures_per_address: 20,
  failures_per_user_and_address: 5,
  failures_per_user: 10,
};

function create() {
  const clock = { ms: 0 };
  const throttle = new PasswordThrottle(limits, () => clock.ms);
  /** Seconds to wait of so many attempts that all fail. */
  const fail = (user: string, address: string, times = 1, device?: string) =>
    Array.from({ length: times }, () => throttle.begin({ user, address, device }).waitSeconds);
  return { throttle, clock, fail };
}

test("R33: one user's password is tried so often from one address, then one try comes back at a time", () => {
  const { clock, fail } = create();
  assert.deepEqual(fail("ada", "192.0.2.1", 6), [0, 0, 0, 0, 0, 120]);
  clock.ms += 120_000;
  assert.deepEqual(fail("ada", "192.0.2.1", 2), [0, 120]);
  assert.deepEqual(fail("ada", "192.0.2.2"), [0], "another address");
  fail("ada", "192.0.2.1", 100);
  assert.deepEqual(fail("bob", "192.0.2.1"), [0], "another user, as in an office");
});

test("R33: all addresses of one IPv6 network are one", () => {
  const { fail } = create();
  for (let i = 0; i < 5; i++) assert.deepEqual(fail("ada", `2001:db8::${i}`), [0]);
  assert.deepEqual(fail("ada", "2001:db8::ffff"), [120]);
  assert.deepEqual(fail("ada", "2001:db8:0:1::1"), [0]);
});

test("R33: one password tried with many names from one address ends too", () => {
  const { fail } = create();
  for (let i = 0; i < 20; i++) assert.deepEqual(fail(`user-${i}`, "192.0.2.1"), [0]);
  assert.deepEqual(fail("user-21", "192.0.2.1"), [30]);
  assert.deepEqual(fail("user-21", "192.0.2.2"), [0]);
});

test("R33: a spray from many addresses gets one try each, and keeps nobody out", () => {
  const { clock, fail, throttle } = create();
  for (let i = 0; i < 200; i++) assert.deepEqual(fail("ada", `10.0.0.${i}`), [0]);
  // Each of them has to wait now, as long as it takes to have had no failure.
  for (let i = 150; i < 200; i++) assert.deepEqual(fail("ada", `10.0.0.${i}`), [120]);
  const victim = throttle.begin({ user: "ada", address: "192.0.2.1", device: undefined });
  assert.equal(victim.waitSeconds, 0);
  victim.succeed();
  assert.deepEqual(fail("ada", "192.0.2.1"), [0], "success leaves no trace");
  assert.deepEqual(fail("ada", "192.0.2.1"), [120], "mistyped under attack: a short wait");
  clock.ms += 120_000;
  assert.deepEqual(fail("ada", "192.0.2.1"), [0]);
});

test("R33: a browser that is known as the user's counts by itself, at an attacker's address too", () => {
  const { fail } = create();
  fail("ada", "192.0.2.1", 100);
  for (let i = 0; i < 100; i++) fail("ada", `10.0.0.${i}`);
  assert.deepEqual(fail("ada", "192.0.2.1", 6, "device"), [0, 0, 0, 0, 0, 120]);
  assert.deepEqual(fail("bob", "192.0.2.1", 1, "another"), [0]);
});

test("attempts at the same moment count before any of them has failed", () => {
  const { throttle, fail } = create();
  const underWay = Array.from({ length: 5 }, () =>
    throttle.begin({ user: "ada", address: "192.0.2.1", device: undefined }),
  );
  assert.deepEqual(fail("ada", "192.0.2.1"), [120]);
  for (const attempt of underWay) attempt.succeed();
  assert.deepEqual(fail("ada", "192.0.2.1", 6), [0, 0, 0, 0, 0, 120]);
});

test("an office that signs in without a mistake is never stopped", () => {
  const { throttle } = create();
  for (let i = 0; i < 1000; i++) {
    const attempt = throttle.begin({ user: `user-${i}`, address: "192.0.2.1", device: undefined });
    assert.equal(attempt.waitSeconds, 0);
    attempt.succeed();
  }
});

test("the limits are settings with defaults", () => {
  assert.deepEqual(readThrottleLimits("keycloak", {}), defaultThrottleLimits);
  assert.equal(
    readThrottleLimits("keycloak", { LIMIT_FAILURES_PER_USER: "7" }).failures_per_user,
    7,
  );
  assert.throws(() => readThrottleLimits("keycloak", { LIMIT_FAILURES_PER_USER: "0" }), {
    name: "SettingsError",
    message: /LIMIT_FAILURES_PER_USER/,
  });
});
