import { setTimeout as sleep } from "node:timers/promises";

/**
 * Waits until the condition holds, asking every few milliseconds.
 *
 * @returns what the condition returned
 * @throws {Error} naming the condition once the time is out (default 10 s)
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  { timeoutMs = 10_000, what = condition.toString() }: { timeoutMs?: number; what?: string } = {},
): Promise<NonNullable<T>> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const result = await condition();
    if (result) return result as NonNullable<T>;
    if (performance.now() > end) throw new Error(`Waited ${timeoutMs} ms in vain for: ${what}`);
    await sleep(10);
  }
}
