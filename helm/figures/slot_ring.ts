/**
 * Numbers by time in a fixed amount of memory: a row of fields for each slot of time, the newest
 * `slots` of them. A slot's number is its time divided by its length.
 */
export class SlotRing {
  readonly slotMs: number;
  readonly #fields: number;
  readonly #values: Float32Array;
  /** Which slot a place holds; a place is used again when its slot is too old. */
  readonly #held: Float64Array;

  constructor({ slotMs, slots, fields }: { slotMs: number; slots: number; fields: number }) {
    this.slotMs = slotMs;
    this.#fields = fields;
    this.#values = new Float32Array(slots * fields);
    this.#held = new Float64Array(slots).fill(-1);
  }

  slotAt(timeMs: number): number {
    return Math.floor(timeMs / this.slotMs);
  }

  /** To be written to; `undefined` for a slot so old that its place holds a newer one. */
  open(slot: number): Float32Array | undefined {
    const place = slot % this.#held.length;
    const held = this.#held[place] ?? -1;
    if (held > slot) return undefined;
    const row = this.#row(place);
    if (held < slot) {
      row.fill(0);
      this.#held[place] = slot;
    }
    return row;
  }

  /** `undefined` where nothing was written. */
  read(slot: number): Float32Array | undefined {
    const place = slot % this.#held.length;
    return this.#held[place] === slot ? this.#row(place) : undefined;
  }

  #row(place: number): Float32Array {
    return this.#values.subarray(place * this.#fields, (place + 1) * this.#fields);
  }
}
