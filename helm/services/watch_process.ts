import { once } from "node:events";
import { boundedCheck } from "./bounded_check.ts";
import type { ManagedProcess } from "./managed_process.ts";
import { pause } from "./pause.ts";
import type { ServiceDefinition } from "./service_definition.ts";
import type { SupervisionTimes } from "./supervision_times.ts";

export interface Watch {
  readonly isReady: ServiceDefinition["isReady"];
  /** What has to be done through the service before it counts as ready. */
  readonly settle?: (signal: AbortSignal) => Promise<void>;
  readonly times: SupervisionTimes;
  /** Ends the watch, not the process. */
  readonly signal: AbortSignal;
  /** Whether something it depends on is away, so that its bad health is not its own fault. */
  readonly isExcused: () => boolean;
  readonly report: (state: "starting" | "ready" | "unhealthy", reason?: string) => void;
}

/** How a process's life went: until it was gone, hung or no longer watched. */
export interface Life {
  /** Set when the process still runs but is of no use. */
  readonly fault?: string;
  readonly becameReady: boolean;
}

/** Follows a process from its start to its end and reports what its health checks say. */
export async function watchProcess(managed: ManagedProcess, watch: Watch): Promise<Life> {
  const over = new AbortController();
  for (const signal of [managed.gone, watch.signal]) {
    if (signal.aborted) over.abort();
    signal.addEventListener("abort", () => over.abort(), { signal: over.signal });
  }
  try {
    return await followLife(watch, over.signal);
  } finally {
    over.abort(); // Takes the listeners away.
  }
}

async function followLife(watch: Watch, over: AbortSignal): Promise<Life> {
  const startFault = (await becomeReady(watch, over)) ?? (await settle(watch, over));
  if (over.aborted) return { becameReady: false };
  if (startFault !== undefined) return { becameReady: false, fault: startFault };
  watch.report("ready");
  const fault = await stayHealthy(watch, over);
  return { becameReady: true, ...(fault === undefined ? {} : { fault }) };
}

/** @returns why it could not be set up; a step that ignores the end of its process is left behind */
async function settle(watch: Watch, over: AbortSignal): Promise<string | undefined> {
  if (watch.settle === undefined || over.aborted) return undefined;
  const isOver = once(over, "abort").then(() => undefined);
  const work = watch.settle(over).then(
    () => undefined,
    (error: Error) => error.message,
  );
  return await Promise.race([work, isOver]);
}

async function becomeReady(watch: Watch, over: AbortSignal): Promise<string | undefined> {
  const { firstStartPollMs, longestStartPollMs, startLimitMs, healthTimeoutMs } = watch.times;
  const endsAt = performance.now() + startLimitMs;
  for (
    let delayMs = firstStartPollMs;
    !over.aborted;
    delayMs = Math.min(delayMs * 1.3, longestStartPollMs)
  ) {
    const { isHealthy, reason } = await boundedCheck(watch.isReady, healthTimeoutMs, over);
    if (isHealthy || over.aborted) return undefined;
    if (performance.now() > endsAt) return `not ready after ${startLimitMs / 1000} s: ${reason}`;
    watch.report("starting", reason);
    await pause(delayMs, over);
  }
  return undefined;
}

async function stayHealthy(watch: Watch, over: AbortSignal): Promise<string | undefined> {
  const { healthIntervalMs, healthTimeoutMs, failuresUntilUnhealthy, unhealthyLimitMs } =
    watch.times;
  let failures = 0;
  let unhealthySince: number | undefined;
  for (;;) {
    await pause(healthIntervalMs, over);
    if (over.aborted) return undefined;
    const { isHealthy, reason } = await boundedCheck(watch.isReady, healthTimeoutMs, over);
    if (over.aborted) return undefined;
    failures = isHealthy ? 0 : failures + 1;
    if (isHealthy) watch.report("ready");
    if (failures < failuresUntilUnhealthy) {
      unhealthySince = undefined;
      continue;
    }
    watch.report("unhealthy", reason);
    unhealthySince = watch.isExcused() ? undefined : (unhealthySince ?? performance.now());
    if (unhealthySince !== undefined && performance.now() - unhealthySince >= unhealthyLimitMs) {
      return `unhealthy for ${unhealthyLimitMs / 1000} s: ${reason}`;
    }
  }
}
