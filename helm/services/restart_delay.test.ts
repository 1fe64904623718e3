import assert from "node:assert/strict";
import test from "node:test";
import { restartDelay } from "./restart_delay.ts";
import { defaultTimes } from "./supervision_times.ts";

test("restarts wait 1, 2, 4 … 30 s, the first after a long life not at all", () => {
  const seconds = [0, 1, 2, 3, 4, 5, 6, 7, 100].map((deaths) => {
    return restartDelay(deaths, defaultTimes) / 1000;
  });
  assert.deepEqual(seconds, [0, 1, 2, 4, 8, 16, 30, 30, 30]);
});
