import type { Log } from "@hivematrix/lib/log";
import { pause } from "../services/pause.ts";

export interface UpdateWatchOptions {
  /** How often, in hours; 0 for never. Asked again each time. */
  readonly everyHours: () => number;
  /** Asks every repository. */
  readonly ask: (signal: AbortSignal) => Promise<void>;
  readonly log: Log;
  /** Of an hour, in tests less. */
  readonly hourMs?: number;
}

/**
 * Asks the apps' repositories now and then what is new. Never exactly on time, so that many
 * installations do not ask one server at the same moment, and at first not while all is starting.
 *
 * @returns a function that ends it, with the question that is under way
 */
export function watchForUpdates({
  everyHours,
  ask,
  log,
  hourMs = 3_600_000,
}: UpdateWatchOptions): () => Promise<void> {
  const closing = new AbortController();
  const { signal } = closing;
  const watch = async () => {
    await pause(hourMs * (0.02 + 0.1 * Math.random()), signal);
    while (!signal.aborted) {
      if (everyHours() > 0) {
        await ask(signal).catch((error: unknown) => {
          if (!signal.aborted) log.warn("cannot ask the apps' repositories", { error });
        });
      }
      // Turned off, it is looked for in an hour whether it is on again.
      await pause(hourMs * (everyHours() || 1) * (0.9 + 0.2 * Math.random()), signal);
    }
  };
  const watching = watch();
  return async () => {
    closing.abort();
    await watching;
  };
}
