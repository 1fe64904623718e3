import { setTimeout as sleep } from "node:timers/promises";

/** Waits, or less when `signal` aborts: the caller then looks at the signal, so nothing is thrown. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await sleep(ms, undefined, signal === undefined ? {} : { signal }).catch(() => {});
}

/**
 * Asks again and again, quickly at first, until the answer is yes, the time is over or `signal` aborts.
 *
 * @returns the last answer
 */
export async function pollUntil(
  isTrue: () => Promise<boolean>,
  {
    timeoutMs = Number.POSITIVE_INFINITY,
    firstMs = 10,
    longestMs = 100,
    signal,
  }: { timeoutMs?: number; firstMs?: number; longestMs?: number; signal?: AbortSignal } = {},
): Promise<boolean> {
  const endsAt = performance.now() + timeoutMs;
  for (let delayMs = firstMs; ; delayMs = Math.min(delayMs * 1.3, longestMs)) {
    if (await isTrue()) return true;
    const leftMs = endsAt - performance.now();
    if (leftMs <= 0 || signal?.aborted) return false;
    await pause(Math.min(delayMs, leftMs), signal);
  }
}
