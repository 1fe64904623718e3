import assert from "node:assert/strict";
import test from "node:test";
import { formatDuration, formatMemory } from "./figures.ts";

test("durations are told in the units that matter", () => {
  const told = [0, 59.9, 60, 3599, 3600, 7500, 86_399, 86_400, 266_400].map(formatDuration);
  assert.deepEqual(told, [
    "0 s",
    "59 s",
    "1 min",
    "59 min",
    "1 h 0 min",
    "2 h 5 min",
    "23 h 59 min",
    "1 d 0 h",
    "3 d 2 h",
  ]);
});

test("memory is told in megabytes", () => {
  assert.equal(formatMemory(81_460_000), "81.5 MB");
});
