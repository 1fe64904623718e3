import { join } from "node:path";
import type { Sql } from "@hivematrix/lib/database";
import type { Log } from "@hivematrix/lib/log";
import type { HelmDatabase } from "../store/helm_database.ts";
import { bucketCount, field, firstBucket } from "./figure_fields.ts";
import type { Figures } from "./figures.ts";
import type { KnownSource } from "./request_sources.ts";
import { dayMs, minuteMs, type ServiceSeries } from "./service_series.ts";

const saveEveryMs = 60_000;
const rowsAtOnce = 500;

/**
 * Keeps figures over a restart of Helm. Each minute what has changed is stored, in one transaction
 * with the counts it was made of. While the database is away, all stays in memory and is stored later.
 */
export class FigureStore {
  readonly #figures: Figures;
  readonly #log: Log;
  #sql: Sql | undefined;
  #timer: NodeJS.Timeout | undefined;
  #saving: Promise<void> = Promise.resolve();
  #isFailing = false;

  constructor(figures: Figures, log: Log) {
    this.#figures = figures;
    this.#log = log;
  }

  /** Resolves when what was stored has been read, which is when there is a database. */
  async open(database: Pick<HelmDatabase, "open">): Promise<void> {
    const sql = await database.open(join(import.meta.dirname, "schema.sql"));
    if (sql === undefined) return;
    try {
      await restore(sql, this.#figures);
    } catch (error) {
      this.#log.warn("cannot read the figures of before", { error });
      // Half of them may be there; what comes from now on is right all the same.
      for (const report of this.#figures.sources.restore([])) this.#figures.enter(report);
    }
    this.#sql = sql;
    this.#timer = setInterval(() => void this.save(), saveEveryMs).unref();
  }

  /** Stores what is new. What cannot be stored now is stored later. */
  async save(): Promise<void> {
    const sql = this.#sql;
    if (sql === undefined) return;
    // One after the other: the counts of an older one must not be stored over those of a newer one.
    this.#saving = this.#saving.then(() => this.#save(sql));
    await this.#saving;
  }

  /** Stores what is new, as far as that can be done soon. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.race([this.save(), new Promise((resolve) => setTimeout(resolve, 1000).unref())]);
    this.#sql = undefined;
  }

  async #save(sql: Sql): Promise<void> {
    const taken = [...this.#figures.services].map(([service, series]) => {
      return { service, series, minutes: series.takeChanged() };
    });
    // Both of one moment, before anything is waited for.
    const rows = taken.flatMap(({ service, series, minutes }) =>
      minutes.flatMap((minute) => toRow(service, series, minute)),
    );
    const sources = this.#figures.sources.known();
    try {
      await sql.begin(async (transaction) => {
        for (let i = 0; i < rows.length; i += rowsAtOnce) {
          await insertMinutes(transaction as unknown as Sql, rows.slice(i, i + rowsAtOnce));
        }
        await insertSources(transaction as unknown as Sql, sources);
        const oldest = new Date(Date.now() - dayMs);
        await transaction`delete from figure_minutes where minute < ${oldest}`;
        await transaction`delete from figure_sources where seen_at < ${oldest}`;
      });
      this.#isFailing = false;
    } catch (error) {
      for (const { series, minutes } of taken) series.giveBackChanged(minutes);
      if (!this.#isFailing) this.#log.warn("figures are stored later", { error: String(error) });
      this.#isFailing = true;
    }
  }
}

type MinuteRow = Record<string, string | number | Date | number[]>;

const numberColumns = {
  cpu_seconds: field.cpuSeconds,
  cpu_covered_seconds: field.cpuCoveredSeconds,
  memory_bytes: field.memoryBytes,
  requests_covered_seconds: field.requestsCoveredSeconds,
  requests: field.requests,
  client_errors: field.clientErrors,
  server_errors: field.serverErrors,
} as const;

function toRow(service: string, { minutes }: ServiceSeries, minute: number): MinuteRow[] {
  const values = minutes.read(minute);
  if (values === undefined) return [];
  const numbers = Object.entries(numberColumns).map(([column, index]) => [column, values[index]]);
  return [
    {
      service,
      minute: new Date(minute * minuteMs),
      ...Object.fromEntries(numbers),
      latency_buckets: [...values.subarray(firstBucket, firstBucket + bucketCount)],
    },
  ];
}

async function insertMinutes(sql: Sql, rows: readonly MinuteRow[]): Promise<void> {
  await sql`
    insert into figure_minutes ${sql(rows)}
    on conflict (service, minute) do update set
      cpu_seconds = excluded.cpu_seconds,
      cpu_covered_seconds = excluded.cpu_covered_seconds,
      memory_bytes = excluded.memory_bytes,
      requests_covered_seconds = excluded.requests_covered_seconds,
      requests = excluded.requests,
      client_errors = excluded.client_errors,
      server_errors = excluded.server_errors,
      latency_buckets = excluded.latency_buckets`;
}

async function insertSources(sql: Sql, sources: readonly KnownSource[]): Promise<void> {
  for (const { instance, atMs, ageSeconds, services } of sources) {
    await sql`
      insert into figure_sources (instance, seen_at, age_seconds, services)
      values (${instance}, ${new Date(atMs)}, ${ageSeconds}, ${sql.json(services as never)})
      on conflict (instance) do update set
        seen_at = excluded.seen_at, age_seconds = excluded.age_seconds, services = excluded.services`;
  }
}

async function restore(sql: Sql, figures: Figures): Promise<void> {
  const oldest = new Date(Date.now() - dayMs);
  const sources = await sql<
    { instance: string; seen_at: Date; age_seconds: number; services: KnownSource["services"] }[]
  >`select * from figure_sources where seen_at >= ${oldest}`;
  const rows = sql<(MinuteRow & { service: string; minute: Date; latency_buckets: number[] })[]>`
    select * from figure_minutes where minute >= ${oldest}`;
  // In pieces: a day of ten services is 14,400 rows.
  for await (const piece of rows.cursor(rowsAtOnce)) {
    for (const row of piece) {
      const values = Object.entries(numberColumns).map(([column]) => Number(row[column]));
      const minute = Math.floor(row.minute.getTime() / minuteMs);
      figures.seriesOf(row.service).restore(minute, [...values, ...row.latency_buckets]);
    }
  }
  const known = sources.map(({ instance, seen_at, age_seconds, services }) => {
    return { instance, atMs: seen_at.getTime(), ageSeconds: age_seconds, services };
  });
  for (const report of figures.sources.restore(known)) figures.enter(report);
}
