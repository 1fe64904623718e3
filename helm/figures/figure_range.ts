import { addRow, field, fieldCount } from "./figure_fields.ts";
import { dayMs, fineMs, hourMs, minuteMs, type ServiceSeries } from "./service_series.ts";
import type { SlotRing } from "./slot_ring.ts";
import { latencies } from "./traffic.ts";

export type RangeHours = 1 | 24;

/** `null` where nothing is known. */
type Points = readonly (number | null)[];

/** One service's figures over an hour or a day, at regular points from the oldest on. */
export interface FigureRange {
  readonly hours: RangeHours;
  /** When the first point begins; milliseconds since 1970. */
  readonly fromMs: number;
  readonly pointSeconds: number;
  /** Share of one core. */
  readonly cpuPercent: Points;
  /** The most within each point. */
  readonly memoryBytes: Points;
  readonly requestsPerMinute: Points;
  /** 4xx */
  readonly clientErrorsPerMinute: Points;
  /** 5xx */
  readonly serverErrorsPerMinute: Points;
  readonly latencyP50Ms: Points;
  readonly latencyP95Ms: Points;
  readonly latencyP99Ms: Points;
}

/** How much a point covers: an hour in half minutes, a day in tens of minutes. */
const pointMsOf = { 1: fineMs, 24: 10 * minuteMs } as const;
/** Less than this share of a point says too little about it. */
const leastCovered = 0.25;

/** @param series `undefined` for a service that nothing is known of */
export function readRange(
  series: ServiceSeries | undefined,
  hours: RangeHours,
  nowMs: number,
): FigureRange {
  const pointMs = pointMsOf[hours];
  const ring = hours === 1 ? series?.fine : series?.minutes;
  // The point that has only begun, or that not all has been told of, would look like a fall.
  const endMs = Math.floor((nowMs - 10_000) / pointMs) * pointMs;
  const fromMs = endMs - (hours === 1 ? hourMs : dayMs);
  const rows: (Float32Array | undefined)[] = [];
  for (let atMs = fromMs; atMs < endMs; atMs += pointMs) rows.push(sumOf(ring, atMs, pointMs));
  const points = (read: (row: Float32Array) => number | undefined): Points =>
    rows.map((row) => (row === undefined ? null : (read(row) ?? null)));
  const pointSeconds = pointMs / 1000;
  const perMinute = (index: number) =>
    points((row) => {
      const covered = row[field.requestsCoveredSeconds] ?? 0;
      if (covered < pointSeconds * leastCovered) return undefined;
      return ((row[index] ?? 0) / covered) * 60;
    });
  return {
    hours,
    fromMs,
    pointSeconds,
    cpuPercent: points((row) => {
      const covered = row[field.cpuCoveredSeconds] ?? 0;
      if (covered < pointSeconds * leastCovered) return undefined;
      return ((row[field.cpuSeconds] ?? 0) / covered) * 100;
    }),
    memoryBytes: points((row) => row[field.memoryBytes] || undefined),
    requestsPerMinute: perMinute(field.requests),
    clientErrorsPerMinute: perMinute(field.clientErrors),
    serverErrorsPerMinute: perMinute(field.serverErrors),
    latencyP50Ms: points((row) => latencies(row).latencyP50Ms),
    latencyP95Ms: points((row) => latencies(row).latencyP95Ms),
    latencyP99Ms: points((row) => latencies(row).latencyP99Ms),
  };
}

function sumOf(ring: SlotRing | undefined, fromMs: number, lengthMs: number) {
  if (ring === undefined) return undefined;
  const first = ring.slotAt(fromMs);
  const last = ring.slotAt(fromMs + lengthMs - 1);
  let sum: Float32Array | undefined;
  for (let slot = first; slot <= last; slot++) {
    const row = ring.read(slot);
    if (row === undefined) continue;
    sum ??= new Float32Array(fieldCount);
    addRow(sum, row);
  }
  return sum;
}
