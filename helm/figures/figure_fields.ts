import { latencyBoundsMs } from "@hivematrix/lib/request_figures";

/** Where each figure stands in a row of numbers; the latency buckets come behind them. */
export const field = {
  cpuSeconds: 0,
  /** Of how many seconds the processor time is known. */
  cpuCoveredSeconds: 1,
  /** The most. All others are sums. */
  memoryBytes: 2,
  /** Of how many seconds Nexus has told its counts, nothing among them. */
  requestsCoveredSeconds: 3,
  requests: 4,
  clientErrors: 5,
  serverErrors: 6,
} as const;

export const firstBucket = 7;
export const bucketCount = latencyBoundsMs.length + 1;
export const fieldCount = firstBucket + bucketCount;

/** Puts one row on top of another. */
export function addRow(target: Float32Array, amounts: ArrayLike<number>, share = 1): void {
  for (let i = 0; i < fieldCount; i++) {
    const amount = amounts[i] ?? 0;
    if (amount === 0) continue;
    const former = target[i] ?? 0;
    target[i] = i === field.memoryBytes ? Math.max(former, amount) : former + amount * share;
  }
}
