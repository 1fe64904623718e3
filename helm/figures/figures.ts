import type { Log } from "@hivematrix/lib/log";
import type { RequestCounts, RequestFiguresPush } from "@hivematrix/lib/request_figures";
import type { Platform } from "../control/platform.ts";
import type { ServiceStatus } from "../services/service_status.ts";
import { bucketCount, field, fieldCount, firstBucket } from "./figure_fields.ts";
import { type FigureRange, type RangeHours, readRange } from "./figure_range.ts";
import { type Report, RequestSources } from "./request_sources.ts";
import { dayMs, ServiceSeries } from "./service_series.ts";
import { isSeenByNexus, readTraffic, type Traffic } from "./traffic.ts";

const sampleEveryMs = 10_000;

/** What services use and how many requests they get: now, and over the last 24 hours. */
export class Figures {
  readonly #platform: Pick<Platform, "status">;
  readonly #log: Log;
  readonly #now: () => number;
  readonly #series = new Map<string, ServiceSeries>();
  readonly #totals = new Map<string, RequestCounts>();
  readonly #cpu = new Map<string, { pid: number; seconds: number; atMs: number }>();
  #timer: NodeJS.Timeout | undefined;
  readonly sources: RequestSources;
  #sampledAtMs: number;
  #reportedUntilMs = 0;
  #isSampling = false;

  constructor(platform: Pick<Platform, "status">, log: Log, now: () => number = Date.now) {
    this.#platform = platform;
    this.#log = log;
    this.#now = now;
    this.#sampledAtMs = now();
    this.sources = new RequestSources(now());
  }

  /** Measures every ten seconds, from now on. */
  start(): void {
    this.#timer ??= setInterval(() => void this.sample(), sampleEveryMs).unref();
    void this.sample();
  }

  /** Measures once. */
  async sample(): Promise<void> {
    if (this.#isSampling) return;
    this.#isSampling = true;
    try {
      const { services } = await this.#platform.status();
      for (const service of services) this.#note(service);
      this.#sampledAtMs = this.#now();
      this.#dropOld();
    } catch (error) {
      this.#log.warn("cannot measure what the services use", { error });
    } finally {
      this.#isSampling = false;
    }
  }

  /** What a process of Nexus has counted. */
  receive(push: RequestFiguresPush): void {
    const report = this.sources.take(push, this.#now());
    if (report !== undefined) this.enter(report);
  }

  enter({ fromMs, toMs, differences }: Report): void {
    for (const { service, counts, ...span } of differences) {
      this.seriesOf(service).spread(rowOf(counts), span.fromMs, span.toMs);
      this.#totals.set(service, add(this.#totals.get(service), counts));
    }
    this.#cover(Math.max(fromMs, this.#reportedUntilMs), toMs);
  }

  seriesOf(service: string): ServiceSeries {
    let series = this.#series.get(service);
    if (series === undefined) {
      series = new ServiceSeries();
      this.#series.set(service, series);
    }
    return series;
  }

  get services(): IterableIterator<[string, ServiceSeries]> {
    return this.#series.entries();
  }

  /** The requests since Helm began to count; `undefined` while there was none. */
  totalsOf(service: string): RequestCounts | undefined {
    return this.#totals.get(service);
  }

  /** The requests of the last minutes; `undefined` where Nexus has told nothing lately. */
  trafficOf(service: string): Traffic | undefined {
    const series = this.#series.get(service);
    const nowMs = this.#now();
    const traffic = series && readTraffic(series, this.#reportedUntilMs, nowMs);
    return traffic && { ...traffic, open: this.sources.open(service, nowMs) };
  }

  /** Services with the requests of the last minutes. */
  withTraffic(services: readonly ServiceStatus[]): ServiceStatus[] {
    return services.map((service) => {
      const traffic = this.trafficOf(service.name);
      return traffic === undefined ? service : { ...service, traffic };
    });
  }

  rangeOf(service: string, hours: RangeHours): FigureRange {
    return readRange(this.#series.get(service), hours, this.#now());
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #note({ name, pid, cpuSeconds, memoryBytes, uptimeSeconds = 0 }: ServiceStatus): void {
    if (pid === undefined || cpuSeconds === undefined) return;
    const nowMs = this.#now();
    const former = this.#cpu.get(name);
    const row = new Float32Array(fieldCount);
    row[field.memoryBytes] = memoryBytes ?? 0;
    const isSame = former?.pid === pid;
    const sinceMs = isSame ? former.atMs : nowMs - uptimeSeconds * 1000;
    // Of one that runs for longer than Helm looks, it is not known when it has used what.
    if (isSame || sinceMs >= this.#sampledAtMs) {
      row[field.cpuSeconds] = Math.max(0, cpuSeconds - (isSame ? former.seconds : 0));
      row[field.cpuCoveredSeconds] = Math.max(0, nowMs - sinceMs) / 1000;
      this.seriesOf(name).spread(row, sinceMs, nowMs);
    } else this.seriesOf(name).spread(row, nowMs, nowMs);
    this.#cpu.set(name, { pid, seconds: cpuSeconds, atMs: nowMs });
  }

  /** All requests of that time are known, none of a service among it. */
  #cover(fromMs: number, toMs: number): void {
    if (toMs <= fromMs) return;
    const row = new Float32Array(fieldCount);
    row[field.requestsCoveredSeconds] = (toMs - fromMs) / 1000;
    for (const [name, series] of this.#series) {
      if (isSeenByNexus(name)) series.spread(row, fromMs, toMs);
    }
    this.#reportedUntilMs = toMs;
  }

  #dropOld(): void {
    const oldest = this.#now() - dayMs;
    for (const [name, { newest }] of this.#series) {
      if (newest > oldest) continue;
      this.#series.delete(name);
      this.#totals.delete(name);
      this.#cpu.delete(name);
    }
  }
}

function rowOf(counts: RequestCounts): Float32Array {
  const row = new Float32Array(fieldCount);
  row[field.requests] = counts.requests;
  row[field.clientErrors] = counts.client_errors;
  row[field.serverErrors] = counts.server_errors;
  row.set(counts.latency_buckets.slice(0, bucketCount), firstBucket);
  return row;
}

function add(former: RequestCounts | undefined, counts: RequestCounts): RequestCounts {
  if (former === undefined) return counts;
  return {
    requests: former.requests + counts.requests,
    client_errors: former.client_errors + counts.client_errors,
    server_errors: former.server_errors + counts.server_errors,
    latency_ms_sum: former.latency_ms_sum + counts.latency_ms_sum,
    latency_buckets: former.latency_buckets.map((n, i) => n + (counts.latency_buckets[i] ?? 0)),
  };
}
