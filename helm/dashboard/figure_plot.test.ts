import assert from "node:assert/strict";
import test from "node:test";
import { type PlotPoints, plotView, roundTop } from "./figure_plot.ts";

test("a gap in what is known is a gap in the line, and one point by itself is seen", () => {
  const { lines } = view([1, 2, null, null, 4, null, 3]);
  const path = lines[0]?.path ?? "";
  assert.deepEqual(path.split("M").slice(1), [
    "0 94.8L100 71.6",
    "400 25.2L406 25.2",
    "594 48.4L600 48.4",
  ]);
  assert.equal((lines[0]?.area.match(/Z/g) ?? []).length, 3);
});

test("it says in words what is now, on average and at most", () => {
  assert.equal(view([1, 2, 6]).summary, "now 6, mean 3, most 6");
  // The last half minute may not be known yet; the one before that has to be.
  assert.equal(view([1, 5, null]).summary, "now 5, mean 3, most 5");
  assert.equal(view([1, 5, null, null]).summary, "now –, mean 3, most 5");
  assert.equal(view([null, null]).is_known, false);
});

test("the scale ends at a round number at or above the most", () => {
  const cases = { 5: 5, 5.01: 10, 10: 10, 11: 20, 21: 50, 0.3: 0.5, 1e8: 1e8, 1.2e8: 2e8 };
  for (const [value, top] of Object.entries(cases)) {
    assert.ok(Math.abs(roundTop(Number(value)) - top) < top * 1e-9, value);
  }
  assert.deepEqual(view([0.1]).scale, ["5", "2.5", "0"]);
});

interface View {
  readonly summary: string;
  readonly is_known: boolean;
  readonly scale: readonly string[];
  readonly lines: readonly { readonly path: string; readonly area: string }[];
}

function view(points: PlotPoints): View {
  const lines = [{ label: "it", points }];
  const words = { id: "it", title: "It", span: "last hour", times: [] };
  return plotView({ ...words, lines, format: String, leastTop: 5 }) as View;
}
