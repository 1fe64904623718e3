import type { Log } from "@hivematrix/lib/log";
import type { SessionStore } from "./session_store.ts";

/**
 * Removes sessions that are over, now and then every `intervalMs` (default a minute). Never keeps
 * the process running.
 */
export function startSessionCleanup(
  sessions: SessionStore,
  { log, intervalMs = 60_000 }: { log: Log; intervalMs?: number },
): { close(): void } {
  const cleanUp = async () => {
    try {
      const count = await sessions.removeExpired();
      if (count > 0) log.debug("removed expired sessions", { count });
    } catch (error) {
      log.warn("expired sessions cannot be removed at the moment, the next try is near", { error });
    }
  };
  void cleanUp();
  const timer = setInterval(cleanUp, intervalMs).unref();
  return { close: () => clearInterval(timer) };
}
