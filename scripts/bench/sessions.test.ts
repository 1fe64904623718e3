import assert from "node:assert/strict";
import { test } from "node:test";
import { formatTable, median, percentile } from "./sessions/figures.ts";
import { partNames, runParts, sharePostgres } from "./sessions/parts.ts";
import { createScope } from "./sessions/scope.ts";
import { smoke } from "./sessions/sizes.ts";

test("every part of the benchmark of sessions finds figures", async (t) => {
  const scope = createScope();
  t.after(() => scope.end());
  await sharePostgres(scope);
  // Side by side: nothing is measured here, and each part waits for processes most of the time.
  const found = await Promise.all(
    partNames.map((name) => runParts(scope, { names: [name], sizes: smoke })),
  );
  for (const [index, figures] of found.entries()) {
    assert.ok(figures.length > 0, partNames[index]);
    for (const { what, value } of figures) assert.ok(Number.isFinite(value), what);
  }
});

test("a part that there is not is named, with those that there are", async (t) => {
  const scope = createScope();
  t.after(() => scope.end());
  await assert.rejects(
    runParts(scope, { names: ["speed"], sizes: smoke }),
    /Cannot measure "speed".*validate, fan-out/,
  );
});

test("the table says which goal is missed", () => {
  const table = formatTable([
    { what: "a", value: 250, unit: "ms", goal: 250 },
    { what: "b", value: 250.1, unit: "ms", goal: 250 },
    { what: "c", value: Number.NaN, unit: "ms", goal: 250 },
    { what: "d", value: 1, unit: "µs" },
  ]);
  const missed = table.split("\n").filter((line) => line.includes("missed"));
  assert.equal(missed.length, 2);
  assert.match(missed.join(), /\| b .*\| c /s);
});

test("the 99th percentile is what 99 of 100 stay below or reach", () => {
  const values = Array.from({ length: 200 }, (_, index) => 200 - index);
  assert.equal(percentile(values, 0.99), 198);
  assert.equal(median(values), 100);
  assert.equal(percentile([7], 0.99), 7);
});
