import assert from "node:assert/strict";
import test from "node:test";
import { checksTable } from "./check.ts";

test("each check has a line, and below it what is to be done; the last line counts them", () => {
  const table = checksTable(
    [
      { check: "answers GET /health", outcome: "ok", found: "200" },
      { check: "can be installed", outcome: "failed", found: "it lacks main.ts", remedy: "add it" },
      { check: "keeps tokens out of its log", outcome: "not tried", found: "it was sent none" },
    ],
    false,
  );
  assert.deepEqual(table.split("\n"), [
    "RESULT     THE SERVICE                  FOUND",
    "ok         answers GET /health          200",
    "failed     can be installed",
    "  it lacks main.ts; add it",
    "not tried  keeps tokens out of its log",
    "  it was sent none",
    "1 ok, 1 failed, 1 not tried.",
  ]);
});
