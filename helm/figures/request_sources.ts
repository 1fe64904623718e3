import type {
  RequestCounts,
  RequestFiguresPush,
  ServiceRequestFigures,
} from "@hivematrix/lib/request_figures";
import { dayMs } from "./service_series.ts";

/** What has been counted of one service between two moments. */
export interface RequestDifference {
  readonly service: string;
  readonly counts: RequestCounts;
  readonly fromMs: number;
  readonly toMs: number;
}

/** What has become known, and since when all that was counted is known. */
export interface Report {
  readonly fromMs: number;
  readonly toMs: number;
  readonly differences: readonly RequestDifference[];
}

/** A process that counts, as it was when it was last heard of. */
export interface KnownSource {
  readonly instance: string;
  readonly atMs: number;
  /** How old it was by then. */
  readonly ageSeconds: number;
  readonly services: Readonly<Record<string, RequestCounts>>;
}

interface Source extends KnownSource {
  readonly services: Readonly<Record<string, ServiceRequestFigures>>;
  /** What it had counted when it was first heard of, while it was not known how much of it is stored. */
  readonly unsettled?: KnownSource;
}

const maxSources = 64;
/** After this long, what is under way there is not under way any more: it is gone. */
const openForMs = 40_000;

/**
 * Makes differences of the counts that processes of Nexus tell since their beginning. What one has
 * counted before Helm began is partly stored already: until that has been read, it is kept back.
 */
export class RequestSources {
  readonly #sources = new Map<string, Source>();
  readonly #beganAtMs: number;
  #isRestored = false;

  /** @param beganAtMs since when nothing else can have counted for Helm */
  constructor(beganAtMs: number) {
    this.#beganAtMs = beganAtMs;
  }

  /** @returns what is new since the last time; `undefined` while that cannot be said */
  take(push: RequestFiguresPush, atMs: number): Report | undefined {
    const { instance, age_seconds: ageSeconds, services } = push;
    const now = { instance, atMs, ageSeconds, services };
    const former = this.#sources.get(instance);
    // One that was overtaken on its way has nothing new to say.
    if (former !== undefined && former.ageSeconds >= ageSeconds) return undefined;
    const isOurs = atMs - ageSeconds * 1000 > this.#beganAtMs;
    const isSettled = former !== undefined || this.#isRestored || isOurs;
    const unsettled = former === undefined && !isSettled ? now : former?.unsettled;
    // Again at the end of the map, so that the first one is the one unheard of for longest.
    this.#sources.delete(instance);
    this.#sources.set(instance, { ...now, ...(unsettled && { unsettled }) });
    this.#forget(atMs);
    return isSettled ? reportOf(former ?? beginningOf(now), now) : undefined;
  }

  /**
   * What was stored is known now.
   *
   * @returns what was kept back of it
   */
  restore(stored: readonly KnownSource[]): Report[] {
    this.#isRestored = true;
    const reports: Report[] = [];
    const storedAs = new Map(stored.map((known) => [known.instance, known]));
    for (const [instance, { unsettled, ...source }] of this.#sources) {
      const former = storedAs.get(instance);
      storedAs.delete(instance);
      if (unsettled === undefined) continue;
      reports.push(reportOf(former ?? beginningOf(unsettled), unsettled));
      this.#sources.set(instance, source);
    }
    for (const [instance, known] of storedAs) this.#sources.set(instance, withoutOpen(known));
    return reports;
  }

  /** As they are to be stored, beside the differences made of them. */
  known(): KnownSource[] {
    return [...this.#sources.values()].map(({ unsettled, ...source }) => source);
  }

  /** What is under way at a service, as far as it was told lately. */
  open(service: string, nowMs: number): { requests: number; websockets: number } {
    const sum = { requests: 0, websockets: 0 };
    for (const { atMs, services } of this.#sources.values()) {
      const counts = services[service];
      if (counts === undefined || nowMs - atMs > openForMs) continue;
      sum.requests += counts.open_requests;
      sum.websockets += counts.open_websockets;
    }
    return sum;
  }

  #forget(nowMs: number): void {
    for (const [instance, { atMs }] of this.#sources) {
      if (this.#sources.size <= maxSources && nowMs - atMs <= dayMs) return;
      this.#sources.delete(instance);
    }
  }
}

/** When it had counted nothing. */
function beginningOf({ instance, atMs, ageSeconds }: KnownSource): KnownSource {
  return { instance, atMs: atMs - ageSeconds * 1000, ageSeconds: 0, services: {} };
}

function reportOf(since: KnownSource, until: KnownSource): Report {
  const span = { fromMs: since.atMs, toMs: until.atMs };
  const differences = Object.entries(until.services).flatMap(([service, counts]) => {
    const counted = subtract(counts, since.services[service]);
    return counted.requests === 0 ? [] : [{ service, counts: counted, ...span }];
  });
  return { ...span, differences };
}

/** Never below zero: what arrives late is older than what is known. */
function subtract(counts: RequestCounts, former: RequestCounts | undefined): RequestCounts {
  const less = (key: Exclude<keyof RequestCounts, "latency_buckets">) =>
    Math.max(0, counts[key] - (former?.[key] ?? 0));
  return {
    requests: less("requests"),
    client_errors: less("client_errors"),
    server_errors: less("server_errors"),
    latency_ms_sum: less("latency_ms_sum"),
    latency_buckets: counts.latency_buckets.map((count, i) =>
      Math.max(0, count - (former?.latency_buckets[i] ?? 0)),
    ),
  };
}

function withoutOpen(known: KnownSource): Source {
  const closed = Object.entries(known.services).map(([name, counts]) => {
    return [name, { ...counts, open_requests: 0, open_websockets: 0 }] as const;
  });
  return { ...known, services: Object.fromEntries(closed) };
}
