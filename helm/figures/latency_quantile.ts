import { latencyBoundsMs } from "@hivematrix/lib/request_figures";

/**
 * The latency that the given share of the requests stayed within, evenly spread within its bucket
 * (as Prometheus' histogram_quantile has it).
 *
 * @param buckets how many requests fell into each
 * @returns milliseconds, the last bound where it is beyond that; `undefined` without a request
 */
export function latencyQuantileMs(buckets: ArrayLike<number>, share: number): number | undefined {
  let total = 0;
  for (let i = 0; i < buckets.length; i++) total += buckets[i] ?? 0;
  if (total <= 0) return undefined;
  const wanted = share * total;
  let below = 0;
  for (const [i, bound] of latencyBoundsMs.entries()) {
    const count = buckets[i] ?? 0;
    if (count > 0 && below + count >= wanted) {
      const start = latencyBoundsMs[i - 1] ?? 0;
      return start + (bound - start) * ((wanted - below) / count);
    }
    below += count;
  }
  return latencyBoundsMs.at(-1);
}
