/** Which sign-in attempts have been used, by their states: a saved cookie opens nothing (R1). */
export interface UsedStates {
  /**
   * Marks a state as used. Of two calls at the same moment, one is the first.
   *
   * @returns whether this is the first use
   * @throws {HttpError} 503 when that cannot be known
   */
  use(state: string): boolean | Promise<boolean>;
}

/** Twice as long as an attempt lives: it may be judged young a moment before it is looked up here. */
const keptMs = 1_200_000;
/** Used states are remembered one by one, but not without end. */
const maxUsedStates = 100_000;

/** Those that are remembered in this process. */
export class LocalUsedStates implements UsedStates {
  /** When states were used, in that order. */
  readonly #usedAt = new Map<string, number>();
  readonly #now: () => number;

  /** @param now by the clock that attempts are dated with, however it jumps */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  use(state: string): boolean {
    if (this.#usedAt.has(state)) return false;
    const now = this.#now();
    for (const [oldest, usedAt] of this.#usedAt) {
      if (now < usedAt + keptMs && this.#usedAt.size < maxUsedStates) break;
      this.#usedAt.delete(oldest);
    }
    this.#usedAt.set(state, now);
    return true;
  }
}
