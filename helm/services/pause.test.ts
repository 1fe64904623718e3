import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import test from "node:test";
import { pause, pollUntil } from "./pause.ts";

test("a pause ends early with its signal, without an error or a listener left", async () => {
  const control = new AbortController();
  const ended = pause(60_000, control.signal);
  control.abort();
  await ended;
  await pause(60_000, control.signal);
  const other = new AbortController();
  await pause(1, other.signal);
  assert.equal(getEventListeners(other.signal, "abort").length, 0);
});

test("a poll asks until the answer is yes, at growing distances", async () => {
  const times: number[] = [];
  const isTrue = async () => times.push(performance.now()) === 6;
  assert.equal(await pollUntil(isTrue, { firstMs: 2, longestMs: 50 }), true);
  assert.ok((times[5] ?? 0) - (times[4] ?? 0) > 2 * 1.3 ** 4 - 2);
});

test("a poll asks at least once, and gives up with the time or the signal", async () => {
  let asked = 0;
  const no = async () => {
    asked++;
    return false;
  };
  assert.equal(await pollUntil(no, { timeoutMs: 0 }), false);
  assert.equal(asked, 1);
  assert.equal(await pollUntil(no, { timeoutMs: 30 }), false);
  assert.equal(await pollUntil(no, { signal: AbortSignal.abort() }), false);
});
