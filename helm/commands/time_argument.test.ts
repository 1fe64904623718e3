import assert from "node:assert/strict";
import { test } from "node:test";
import { readMoment } from "./time_argument.ts";

const nowMs = Date.parse("2026-11-26T21:00:00Z");
const read = (text: string) => new Date(readMoment("--since", text, nowMs)).toISOString();

test("a moment is how long ago, or a date and time", () => {
  assert.equal(read("90s"), "2026-11-26T20:58:30.000Z");
  assert.equal(read("15m"), "2026-11-26T20:45:00.000Z");
  assert.equal(read("2h"), "2026-11-26T19:00:00.000Z");
  assert.equal(read("3d"), "2026-11-23T21:00:00.000Z");
  assert.equal(read("2026-11-26"), "2026-11-26T00:00:00.000Z");
  assert.equal(read("2026-11-26 20:15"), "2026-11-26T20:15:00.000Z");
  assert.equal(read("2026-11-26T20:15:30+01:00"), "2026-11-26T19:15:30.000Z");
});

test("anything else is refused with what it should be", () => {
  for (const text of ["yesterday", "", "5", "-5m", "2026-13-01", "2026-11-26 25:00", "1w"]) {
    assert.throws(() => readMoment("--since", text, nowMs), {
      message: `--since is "${text}": it has to be how long ago (90s, 15m, 2h, 3d) or a time (2026-11-26 20:15)`,
    });
  }
});
