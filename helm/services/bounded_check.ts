import type { ServiceDefinition } from "./service_definition.ts";

/** What a health check said; `reason` is why it is not healthy. */
export interface CheckResult {
  readonly isHealthy: boolean;
  readonly reason?: string;
}

/** Runs a health check that ends with `timeoutMs` or `signal`, even when it heeds neither. */
export async function boundedCheck(
  isReady: ServiceDefinition["isReady"],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<CheckResult> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), timeoutMs);
  // Bound to this check: a listener that stayed for each check would add up over months.
  signal.addEventListener("abort", () => limit.abort(), { once: true, signal: limit.signal });
  const late = new Promise<CheckResult>((resolve) => {
    const reason = "no answer to the health check in time";
    limit.signal.addEventListener("abort", () => resolve({ isHealthy: false, reason }));
  });
  if (signal.aborted) limit.abort();
  try {
    return await Promise.race([ask(isReady, limit.signal), late]);
  } finally {
    clearTimeout(timer);
    limit.abort();
  }
}

async function ask(
  isReady: ServiceDefinition["isReady"],
  signal: AbortSignal,
): Promise<CheckResult> {
  try {
    const isHealthy = await isReady(signal);
    return isHealthy ? { isHealthy } : { isHealthy, reason: "not ready yet" };
  } catch (error) {
    return { isHealthy: false, reason: (error as Error).message };
  }
}
