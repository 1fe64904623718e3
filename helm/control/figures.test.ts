import assert from "node:assert/strict";
import test from "node:test";
import {
  formatAgo,
  formatAhead,
  formatDuration,
  formatMemory,
  formatMilliseconds,
  formatPercent,
  formatRate,
  formatTime,
} from "./figures.ts";

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

test("times are told as far from now, or by the clock of no place", () => {
  assert.deepEqual([0, -3, 59.9, 60, 7500].map(formatAgo), [
    "just now",
    "just now",
    "just now",
    "1 min ago",
    "2 h 5 min ago",
  ]);
  assert.deepEqual([59, 60, 2900].map(formatAhead), [
    "in less than 1 min",
    "in 1 min",
    "in 48 min",
  ]);
  assert.equal(formatTime(new Date("2026-11-23T21:19:59Z")), "23 Nov 2026, 21:19 UTC");
});

test("small figures have a digit behind the point, large ones have none", () => {
  assert.deepEqual([0, 0.04, 0.26, 9.94, 9.96, 102.4].map(formatPercent), [
    "0 %",
    "0 %",
    "0.3 %",
    "9.9 %",
    "10 %",
    "102 %",
  ]);
  assert.deepEqual([0.5, 12.4, 1234.5].map(formatRate), ["0.5", "12", "1,235"]);
  assert.deepEqual([0.84, 47, 999, 1200].map(formatMilliseconds), [
    "0.8 ms",
    "47 ms",
    "999 ms",
    "1.2 s",
  ]);
});
