import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import test from "node:test";
import { boundedCheck } from "./bounded_check.ts";

const never = new AbortController().signal;

test("what a check throws is the reason, and a plain no has one too", async () => {
  const throwing = async () => {
    throw new Error("not listening");
  };
  assert.deepEqual(await boundedCheck(throwing, 1000, never), {
    isHealthy: false,
    reason: "not listening",
  });
  assert.deepEqual(await boundedCheck(async () => true, 1000, never), { isHealthy: true });
  assert.deepEqual(await boundedCheck(async () => false, 1000, never), {
    isHealthy: false,
    reason: "not ready yet",
  });
});

test("a check that heeds no signal ends with the time or with the watch", async () => {
  const deaf = () => new Promise<boolean>(() => {});
  const late = { isHealthy: false, reason: "no answer to the health check in time" };
  assert.deepEqual(await boundedCheck(deaf, 20, never), late);
  const watch = new AbortController();
  const result = boundedCheck(deaf, 60_000, watch.signal);
  watch.abort();
  assert.deepEqual(await result, late);
  assert.deepEqual(await boundedCheck(deaf, 60_000, watch.signal), late);
});

test("checks leave no listener behind", async () => {
  const watch = new AbortController();
  for (let round = 0; round < 10; round++) {
    await boundedCheck(async () => true, 1000, watch.signal);
  }
  assert.equal(getEventListeners(watch.signal, "abort").length, 0);
});
