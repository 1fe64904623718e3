/** How much of something there may be. */
export interface RateLimitOptions {
  /** As many at once. */
  readonly burst: number;
  /** All of them are there again after this time; they come back one by one. */
  readonly refillSeconds: number;
  /** Nothing is remembered without a bound: of more keys the one not used for longest goes. */
  readonly maxKeys?: number;
  /** Milliseconds. */
  readonly now?: () => number;
}

interface Bucket {
  /** Not whole: what comes back comes bit by bit. */
  left: number;
  countedAtMs: number;
}

/** A token bucket for each key: so many at once, then as many as come back with time. */
export class RateLimit {
  readonly #burst: number;
  readonly #perMs: number;
  readonly #maxKeys: number;
  readonly #now: () => number;
  /** Those that are not full, the one not used for longest first. */
  readonly #buckets = new Map<string, Bucket>();

  constructor({
    burst,
    refillSeconds,
    maxKeys = 100_000,
    now = () => performance.now(),
  }: RateLimitOptions) {
    this.#burst = burst;
    this.#perMs = burst / (refillSeconds * 1000);
    this.#maxKeys = maxKeys;
    this.#now = now;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** Takes one. @returns 0, or when there is none the whole seconds until there is */
  take(key: string): number {
    const left = this.left(key);
    // Also when there is none: whoever goes on trying is not to be forgotten.
    this.#keep(key, left < 1 ? left : left - 1);
    return left < 1 ? this.#secondsFor(1 - left) : 0;
  }

  /** Puts one back that was taken for something that does not count after all. */
  giveBack(key: string): void {
    this.#keep(key, this.left(key) + 1);
  }

  /** How many are left, not always a whole number. */
  left(key: string): number {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return this.#burst;
    // A clock that was set back gives nothing and takes nothing.
    const passedMs = Math.max(0, this.#now() - bucket.countedAtMs);
    return Math.min(this.#burst, bucket.left + passedMs * this.#perMs);
  }

  /** Whole seconds until all are there again. */
  secondsUntilFull(key: string): number {
    return this.#secondsFor(this.#burst - this.left(key));
  }

  #keep(key: string, left: number): void {
    this.#buckets.delete(key);
    if (left >= this.#burst) return;
    this.#buckets.set(key, { left, countedAtMs: this.#now() });
    if (this.#buckets.size <= this.#maxKeys) return;
    for (const oldest of this.#buckets.keys()) {
      this.#buckets.delete(oldest);
      break;
    }
  }

  #secondsFor(missing: number): number {
    return Math.ceil(missing / this.#perMs / 1000);
  }
}
