import { bucketCount, field, fieldCount, firstBucket } from "./figure_fields.ts";
import { latencyQuantileMs } from "./latency_quantile.ts";
import { minuteMs, type ServiceSeries } from "./service_series.ts";

/** The requests to one service lately, as Nexus saw them. Latency is the time until an answer began. */
export interface Traffic {
  /** In the last minute. */
  readonly requestsPerMinute: number;
  /** Of the last five minutes, as all that follows. */
  readonly requests: number;
  readonly clientErrors: number;
  readonly serverErrors: number;
  readonly latencyP50Ms?: number;
  readonly latencyP95Ms?: number;
  readonly latencyP99Ms?: number;
  /** Under way now. */
  readonly open: { readonly requests: number; readonly websockets: number };
}

/** Nobody comes to these through Nexus, so what it tells says nothing about them. */
const unseen: ReadonlySet<string> = new Set(["core", "postgres"]);

/** Whether Nexus knows a service's requests: none counted is zero then, and else unknown. */
export function isSeenByNexus(service: string): boolean {
  return !unseen.has(service);
}

const errorSpanMs = 5 * minuteMs;
/** Nexus tells every ten seconds; after this long it is away. */
const maxSilenceMs = 45_000;

/** @returns `undefined` where Nexus has told nothing lately */
export function readTraffic(
  series: ServiceSeries,
  reportedUntilMs: number,
  nowMs: number,
): Omit<Traffic, "open"> | undefined {
  if (nowMs - reportedUntilMs > maxSilenceMs) return undefined;
  const minute = sumUpTo(series, reportedUntilMs, minuteMs);
  const lately = sumUpTo(series, reportedUntilMs, errorSpanMs);
  const coveredMinutes = (minute[field.requestsCoveredSeconds] ?? 0) / 60;
  if (coveredMinutes === 0) return undefined;
  return {
    requestsPerMinute: (minute[field.requests] ?? 0) / coveredMinutes,
    requests: Math.round(lately[field.requests] ?? 0),
    clientErrors: Math.round(lately[field.clientErrors] ?? 0),
    serverErrors: Math.round(lately[field.serverErrors] ?? 0),
    ...latencies(lately),
  };
}

export function latencies(
  row: Float32Array,
): Pick<Traffic, "latencyP50Ms" | "latencyP95Ms" | "latencyP99Ms"> {
  const buckets = row.subarray(firstBucket, firstBucket + bucketCount);
  const [latencyP50Ms, latencyP95Ms, latencyP99Ms] = [0.5, 0.95, 0.99].map((share) =>
    latencyQuantileMs(buckets, share),
  );
  if (latencyP50Ms === undefined) return {};
  return { latencyP50Ms, latencyP95Ms: latencyP95Ms ?? 0, latencyP99Ms: latencyP99Ms ?? 0 };
}

/** The sums of the time before a moment; of a slot that it only reaches into, the share. */
function sumUpTo({ fine }: ServiceSeries, endMs: number, spanMs: number): Float32Array {
  const sum = new Float32Array(fieldCount);
  let slot = fine.slotAt(endMs);
  let leftMs = spanMs;
  // Nothing of the last slot lies behind the end.
  let heldMs = Math.max(endMs - slot * fine.slotMs, 1);
  while (leftMs > 0) {
    const share = Math.min(1, leftMs / heldMs);
    const row = fine.read(slot);
    for (let i = 0; row !== undefined && i < fieldCount; i++) {
      sum[i] = (sum[i] ?? 0) + (row[i] ?? 0) * share;
    }
    leftMs -= heldMs;
    heldMs = fine.slotMs;
    slot--;
  }
  return sum;
}
