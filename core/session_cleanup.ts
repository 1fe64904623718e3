import type { Log } from "@hivematrix/lib/log";
import type { Core } from "./core.ts";

export interface CleanupOptions {
  readonly log: Log;
  readonly idleSeconds?: number | undefined;
  /** Default a minute, and no more than a tenth of the idle limit. */
  readonly intervalMs?: number;
}

/**
 * Ends sessions that were idle for too long, on all gateways too, and forgets sessions that are
 * over: now and again and again. Never keeps the process running.
 */
export function startSessionCleanup(
  { sessions, endSessions }: Pick<Core, "sessions" | "endSessions">,
  { log, idleSeconds = Number.POSITIVE_INFINITY, ...options }: CleanupOptions,
): { close(): void } {
  const { intervalMs = Math.min(60, Math.max(1, idleSeconds / 10)) * 1000 } = options;
  const endIdle = async () => {
    const endSome = () => endSessions({ idle: true }, { reason: "idle for too long", log });
    while ((await endSome()).length > 0);
  };
  const cleanUp = async () => {
    try {
      await endIdle();
      const count = await sessions.removeExpired();
      if (count > 0) log.debug("removed expired sessions", { count });
    } catch (error) {
      log.warn("sessions cannot be cleaned up at the moment, the next try is near", { error });
    }
  };
  let isAtWork = false;
  const takeTurn = async () => {
    if (isAtWork) return;
    isAtWork = true;
    await cleanUp();
    isAtWork = false;
  };
  void takeTurn();
  const timer = setInterval(takeTurn, intervalMs).unref();
  return { close: () => clearInterval(timer) };
}
