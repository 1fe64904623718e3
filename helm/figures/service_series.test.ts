import assert from "node:assert/strict";
import test from "node:test";
import { field, fieldCount } from "./figure_fields.ts";
import { dayMs, fineMs, hourMs, minuteMs, ServiceSeries } from "./service_series.ts";
import type { SlotRing } from "./slot_ring.ts";

const noon = Date.UTC(2026, 10, 27, 12);

test("what has come together in a time is spread over it, and nothing of it is lost", () => {
  const series = new ServiceSeries();
  series.spread(requests(90), noon - 45_000, noon + 45_000);
  const inSlot = (ring: SlotRing, atMs: number) => ring.read(ring.slotAt(atMs))?.[field.requests];
  assert.equal(inSlot(series.fine, noon - 60_000), 15);
  assert.equal(inSlot(series.fine, noon - 30_000), 30);
  assert.equal(inSlot(series.fine, noon), 30);
  assert.equal(inSlot(series.fine, noon + 30_000), 15);
  assert.equal(inSlot(series.minutes, noon - 60_000), 45);
  assert.equal(inSlot(series.minutes, noon), 45);
});

test("a report of the last three days counts whole, within the last one", () => {
  const series = new ServiceSeries();
  series.spread(requests(14_400), noon - 3 * dayMs, noon);
  let sum = 0;
  for (let atMs = noon - dayMs; atMs < noon; atMs += minuteMs) {
    sum += series.minutes.read(series.minutes.slotAt(atMs))?.[field.requests] ?? 0;
  }
  assert.equal(Math.round(sum), 14_400);
});

test("what is older than a day gives its place to what comes, and never the other way round", () => {
  const series = new ServiceSeries();
  const { minutes, fine } = series;
  series.spread(requests(1), noon, noon);
  series.spread(requests(2), noon + 25 * hourMs, noon + 25 * hourMs);
  assert.equal(minutes.read(minutes.slotAt(noon + 25 * hourMs))?.[field.requests], 2);
  const samePlace = noon + 25 * hourMs - (dayMs / minuteMs + 2) * minuteMs;
  series.restore(minutes.slotAt(samePlace), requests(7));
  assert.equal(minutes.read(minutes.slotAt(samePlace)), undefined);
  assert.equal(minutes.read(minutes.slotAt(noon + 25 * hourMs))?.[field.requests], 2);
  assert.equal(fine.read(fine.slotAt(noon + 25 * hourMs - fineMs)), undefined);
});

test("the changed minutes are told once, and again when they could not be stored", () => {
  const series = new ServiceSeries();
  series.spread(requests(1), noon - 90_000, noon);
  const minute = series.minutes.slotAt(noon);
  const changed = series.takeChanged();
  assert.deepEqual(changed, [minute - 2, minute - 1]);
  assert.deepEqual(series.takeChanged(), []);
  series.giveBackChanged(changed);
  series.spread(requests(1), noon, noon);
  assert.deepEqual(series.takeChanged(), [minute - 2, minute - 1, minute]);
});

test("of memory the most counts, of all else the sum", () => {
  const series = new ServiceSeries();
  const row = requests(1);
  for (const bytes of [5e6, 9e6, 7e6]) {
    row[field.memoryBytes] = bytes;
    series.spread(row, noon, noon);
  }
  const kept = series.fine.read(series.fine.slotAt(noon));
  assert.equal(kept?.[field.memoryBytes], 9e6);
  assert.equal(kept?.[field.requests], 3);
});

test("ten services take little more than a megabyte, however long they run", () => {
  const before = process.memoryUsage().arrayBuffers;
  // A hundred, beside which it does not count that those of the tests above may be freed meanwhile.
  const kept = Array.from({ length: 100 }, () => new ServiceSeries());
  for (const series of kept) series.spread(requests(1), noon - dayMs, noon);
  const ofTen = (process.memoryUsage().arrayBuffers - before) / 10;
  assert.ok(ofTen > 1e6 && ofTen < 1.5e6, `${ofTen} bytes`);
  assert.equal(kept.length, 100);
});

function requests(count: number): Float32Array {
  const row = new Float32Array(fieldCount);
  row[field.requests] = count;
  return row;
}
