import assert from "node:assert/strict";
import test from "node:test";
import { latencyBoundsMs } from "@hivematrix/lib/request_figures";
import { latencyQuantileMs } from "./latency_quantile.ts";

test("a quantile lies within the bucket that holds it", () => {
  // 90 within 5 and 10 ms, 10 within 200 and 500 ms
  const buckets = bucketsOf({ 10: 90, 500: 10 });
  assert.equal(latencyQuantileMs(buckets, 0.5), 5 + 5 * (50 / 90));
  assert.equal(latencyQuantileMs(buckets, 0.95), 350);
  assert.equal(latencyQuantileMs(buckets, 0.99), 470);
});

test("without a request there is none, and beyond the last bound there is no telling", () => {
  assert.equal(latencyQuantileMs(bucketsOf({}), 0.5), undefined);
  assert.equal(latencyQuantileMs([...bucketsOf({}).slice(0, -1), 3], 0.5), 10_000);
});

function bucketsOf(counts: Record<number, number>): number[] {
  return [...latencyBoundsMs.map((bound) => counts[bound] ?? 0), 0];
}
