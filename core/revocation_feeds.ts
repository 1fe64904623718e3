import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { leaseMs, marginMs, RevocationFeed } from "./revocation_feed.ts";

export interface RevocationFeedsOptions {
  /** Whether leases may be given now; several Cores have conditions (core_instance.ts). */
  readonly mayGrant?: () => boolean;
  readonly onSeen?: (hashes: string[]) => void;
  /** Milliseconds on a clock that never goes back. */
  readonly now?: () => number;
  /** No Core ran here before that may have granted leases: only a test can know that. */
  readonly startsFresh?: boolean;
}

/** All gateways that are connected to this Core, and those that were and may still trust it. */
export class RevocationFeeds {
  readonly #feeds = new Set<RevocationFeed>();
  readonly #now: () => number;
  readonly #mayGrant: () => boolean;
  readonly #onSeen: (hashes: string[]) => void;
  #isClosed = false;
  /** No gateway without an open feed here trusts anything after this moment. */
  #strangersEndAt: number;

  constructor(options: RevocationFeedsOptions = {}) {
    const { mayGrant, onSeen, now = () => performance.now(), startsFresh = false } = options;
    this.#mayGrant = mayGrant ?? (() => true);
    this.#onSeen = onSeen ?? (() => {});
    this.#now = now;
    this.#strangersEndAt = now();
    if (!startsFresh) this.waitOutPredecessor();
  }

  /** What a Core that ran here before has granted, nobody knows; it was before now. */
  waitOutPredecessor(): void {
    this.#strangersEndAt = this.#now() + leaseMs + marginMs;
  }

  get count(): number {
    return this.#feeds.size;
  }

  /** Whether some gateway may trust something that it learnt from here. */
  get mayBeTrusted(): boolean {
    return this.#feeds.size > 0 || this.#now() < this.#strangersEndAt;
  }

  /** @param socket after the upgrade */
  accept(socket: Duplex): void {
    if (this.#isClosed) {
      socket.destroy();
      return;
    }
    const feed = new RevocationFeed(socket, {
      mayGrant: () => !this.#isClosed && this.#mayGrant(),
      onSeen: (hashes) => this.#onSeen(hashes),
      now: this.#now,
    });
    this.#feeds.add(feed);
    void feed.closed.then(() => this.#forget(feed));
  }

  /**
   * Tells every gateway that these sessions have ended, which has to be in the store before.
   * Resolves when none of them accepts them any more: each has acknowledged, or its lease is over.
   */
  async announce(hashes: readonly string[]): Promise<void> {
    const feeds = hashes.length === 0 ? [] : [...this.#feeds];
    const strangersEndAt = this.#strangersEndAt;
    await Promise.all(
      feeds.map(async (feed) => {
        const isAcknowledged = await feed.tell(hashes);
        if (!isAcknowledged) await this.#passed(feed.leaseEndsAt);
      }),
    );
    await this.#passed(strangersEndAt);
  }

  /** Cuts all feeds; their gateways ask about each request until they are connected anew. */
  drop(): void {
    for (const feed of this.#feeds) {
      feed.destroy();
      this.#forget(feed);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.drop();
  }

  #forget(feed: RevocationFeed): void {
    this.#feeds.delete(feed);
    this.#strangersEndAt = Math.max(this.#strangersEndAt, feed.leaseEndsAt);
  }

  /** A timer may be early by a millisecond, so the clock decides. */
  async #passed(moment: number): Promise<void> {
    for (let leftMs = moment - this.#now(); leftMs > 0; leftMs = moment - this.#now()) {
      await sleep(leftMs + 1);
    }
  }
}
