import type { Insertion } from "./html_scanner.ts";

/** What a scan has found in a document's first bytes. */
export interface KnownHead {
  readonly insertions: readonly Insertion[];
  readonly hasViewport: boolean;
  readonly hasPolicy: boolean;
}

interface Remembered extends KnownHead {
  readonly start: Buffer;
}

const maxHeads = 8;
const maxStartBytes = 4096;

/**
 * The heads of a service's latest documents. Most of its pages begin with the same bytes, and what
 * was found in those once is found again by comparing them: a tenth of what a scan costs.
 */
export class KnownHeads {
  #heads: Remembered[] = [];

  /** @param bytes the first of a document */
  find(bytes: Buffer): KnownHead | undefined {
    for (const head of this.#heads) {
      const { length } = head.start;
      if (bytes.length >= length && bytes.compare(head.start, 0, length, 0, length) === 0)
        return head;
    }
    return undefined;
  }

  /**
   * @param bytes the first of a document
   * @param lookedAt how many of them the scan has looked at
   */
  remember(bytes: Buffer, lookedAt: number, head: KnownHead): void {
    if (lookedAt > bytes.length || lookedAt > maxStartBytes) return;
    // A copy: a part of the chunk would keep all of it.
    const start = Buffer.from(bytes.subarray(0, lookedAt));
    this.#heads = [{ ...head, start }, ...this.#heads.slice(0, maxHeads - 1)];
  }
}
