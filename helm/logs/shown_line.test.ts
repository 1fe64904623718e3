import assert from "node:assert/strict";
import test from "node:test";
import { readShownLine, showText } from "./shown_line.ts";

const nowMs = Date.UTC(2026, 10, 23);

test("a line that is not JSON has the level that its writer's words mean", () => {
  for (const [line, level] of [
    ["ERROR:root:no such table", "error"],
    ["WARNING:werkzeug: slow", "warn"],
    ["2026-11-23 20:41:01,500 INFO started", "info"],
    ["[2026-11-23 20:41:01,500] ERROR in app: it broke", "error"],
    ["2026-11-23 20:41:01,500 DEBUG [main] details", "debug"],
    ["Traceback (most recent call last):", "error"],
    ["ValueError: not a number", "error"],
    ["listening on port 5000", "info"],
    ["no ERROR: here it is only mentioned", "info"],
  ] as const) {
    assert.equal(readShownLine("app", line, { nowMs }).level, level, line);
  }
});

test("what explains a line has its level, time and request; a line with a level of its own does not", () => {
  const before = {
    atMs: 1,
    level: "error",
    requestId: "abcdef12",
    traceId: undefined,
    user: "ada",
  } as const;
  const frame = readShownLine("app", "    at connect (database.ts:1)", { before, nowMs });
  assert.deepEqual([frame.atMs, frame.level, frame.requestId], [1, "error", "abcdef12"]);
  const next = readShownLine("app", "INFO: something else", { before, nowMs });
  assert.deepEqual([next.level, next.requestId, next.user], ["info", undefined, undefined]);
});

test("no character of a line is invisible, moves the cursor or turns the text", () => {
  const shown = showText("a\u0000b\tc\nd\u001b[31m\u202ee\u2028\ufeff\ud800f é 蜂 🐝");
  const expected = "a\\u{0}b\\tc\\nd\\u{1b}[31m\\u{202e}e\\u{2028}\\u{feff}\\u{d800}f é 蜂 🐝";
  assert.equal(shown, expected);
  assert.equal(showText("x".repeat(20_000)).length, 8000);
});
