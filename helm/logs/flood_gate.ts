/**
 * How many lines one service may have stored: many at once, as after an outage of the database, but
 * no more than a certain number a second for long. What a flood has beyond that is counted instead.
 */
export class FloodGate {
  readonly #linesPerSecond: number;
  readonly #maxAtOnce: number;
  readonly #now: () => number;
  #left: number;
  #countedAtMs: number;
  #isFlooded = false;

  /** @param now milliseconds, of any clock that never goes back */
  constructor({
    linesPerSecond = 2000,
    maxAtOnce = 150_000,
    now = () => performance.now(),
  }: {
    linesPerSecond?: number;
    maxAtOnce?: number;
    now?: () => number;
  } = {}) {
    this.#linesPerSecond = linesPerSecond;
    this.#maxAtOnce = maxAtOnce;
    this.#now = now;
    this.#left = maxAtOnce;
    this.#countedAtMs = now();
  }

  /** Whether so many lines may be stored now; a flood ends when a second's worth is allowed again. */
  takes(lineCount: number): boolean {
    const now = this.#now();
    const earned = ((now - this.#countedAtMs) / 1000) * this.#linesPerSecond;
    this.#left = Math.min(this.#maxAtOnce, this.#left + earned);
    this.#countedAtMs = now;
    const needed = this.#isFlooded ? Math.max(lineCount, this.#linesPerSecond) : lineCount;
    this.#isFlooded = this.#left < needed;
    if (!this.#isFlooded) this.#left -= lineCount;
    return !this.#isFlooded;
  }
}
