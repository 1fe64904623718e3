/**
 * One piece of work after the other. Those who wait take turns, so that somebody who sends much is
 * waited for no longer than somebody who sends one.
 */
export class FairQueue {
  /** Who is next first. */
  readonly #waiting = new Map<string, (() => void)[]>();
  #isBusy = false;

  async run<T>(who: string, work: () => Promise<T>): Promise<T> {
    if (this.#isBusy) await this.#wait(who);
    this.#isBusy = true;
    try {
      return await work();
    } finally {
      this.#next();
    }
  }

  #wait(who: string): Promise<void> {
    return new Promise((resolve) => {
      const own = this.#waiting.get(who);
      if (own === undefined) this.#waiting.set(who, [resolve]);
      else own.push(resolve);
    });
  }

  #next(): void {
    for (const [who, own] of this.#waiting) {
      const start = own.shift();
      // Behind all others, with what is left.
      this.#waiting.delete(who);
      if (own.length > 0) this.#waiting.set(who, own);
      start?.();
      return;
    }
    this.#isBusy = false;
  }
}
