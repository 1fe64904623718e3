import { addRow, fieldCount } from "./figure_fields.ts";
import { SlotRing } from "./slot_ring.ts";

export const fineMs = 30_000;
export const minuteMs = 60_000;
export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

/**
 * One service's figures: the last hour in half minutes, the last day in minutes. About 130 kB,
 * whatever happens.
 */
export class ServiceSeries {
  // Two more: the slot that has only begun, and the one that the range begins in.
  readonly fine = new SlotRing({ slotMs: fineMs, slots: hourMs / fineMs + 2, fields: fieldCount });
  readonly minutes = new SlotRing({
    slotMs: minuteMs,
    slots: dayMs / minuteMs + 2,
    fields: fieldCount,
  });
  #changedSince = Number.POSITIVE_INFINITY;
  #newest = 0;

  /** When it was last written to, in milliseconds. */
  get newest(): number {
    return this.#newest;
  }

  /**
   * Adds what has come together between two moments, evenly over the time between them: a report
   * that was late loses nothing but resolution.
   */
  spread(amounts: ArrayLike<number>, fromMs: number, toMs: number): void {
    const start = Math.max(Math.min(fromMs, toMs), toMs - dayMs);
    for (const ring of [this.fine, this.minutes]) {
      const last = ring.slotAt(toMs);
      for (let slot = ring.slotAt(start); slot <= last; slot++) {
        const share = shareOf(slot * ring.slotMs, ring.slotMs, start, toMs);
        if (share > 0) addTo(ring, slot, amounts, share);
      }
    }
    this.#changedSince = Math.min(this.#changedSince, this.minutes.slotAt(start));
    this.#newest = Math.max(this.#newest, toMs);
  }

  /** Puts what was stored of one minute under what has been counted since. */
  restore(minute: number, amounts: ArrayLike<number>): void {
    addTo(this.minutes, minute, amounts, 1);
    const firstFine = this.fine.slotAt(minute * minuteMs);
    const perMinute = minuteMs / fineMs;
    for (let i = 0; i < perMinute; i++) addTo(this.fine, firstFine + i, amounts, 1 / perMinute);
    this.#newest = Math.max(this.#newest, minute * minuteMs);
  }

  /** The minutes that were written to since this was last asked. */
  takeChanged(): number[] {
    const last = this.minutes.slotAt(this.#newest);
    const changed: number[] = [];
    for (let minute = this.#changedSince; minute <= last; minute++) {
      if (this.minutes.read(minute) !== undefined) changed.push(minute);
    }
    this.#changedSince = Number.POSITIVE_INFINITY;
    return changed;
  }

  /** They could not be stored. */
  giveBackChanged([oldest]: readonly number[]): void {
    if (oldest !== undefined) this.#changedSince = Math.min(this.#changedSince, oldest);
  }
}

function addTo(ring: SlotRing, slot: number, amounts: ArrayLike<number>, share: number): void {
  const row = ring.open(slot);
  if (row !== undefined) addRow(row, amounts, share);
}

/** How much of the time from start to end lies in a slot. */
function shareOf(slotStart: number, slotMs: number, start: number, end: number): number {
  // All at once: it belongs to the slot it is in.
  if (end <= start) return 1;
  const overlap = Math.min(end, slotStart + slotMs) - Math.max(start, slotStart);
  return Math.max(0, overlap) / (end - start);
}
