// How long stored lines are kept: whole batches go, from the old end of a service's chain.
import type { Sql } from "@hivematrix/lib/database";
import type { MasterConfig } from "../config/master_config.ts";
import type { LogChain } from "./log_chain.ts";

export interface Retention {
  readonly days: number;
  readonly maxLines: number;
  /** Of the lines themselves; with indexes the database takes about three times as much. */
  readonly maxBytes: number;
}

/** `apps.helm.log_retention_days`, `.log_max_lines` and `.log_max_megabytes`. */
export function readRetention({ apps }: Pick<MasterConfig, "apps">): Retention {
  const {
    log_retention_days: days = 14,
    log_max_lines: maxLines = 1_000_000,
    log_max_megabytes: maxMegabytes = 500,
  } = apps["helm"] ?? {};
  return { days, maxLines, maxBytes: maxMegabytes * 1e6 };
}

/**
 * Removes what is too old, then, while there are too many lines, the oldest of whichever service has
 * the most: one that floods pushes nobody else's lines out.
 *
 * @returns how many lines went
 */
export async function prune(sql: Sql, chain: LogChain, retention: Retention): Promise<number> {
  let pruned = 0;
  for (;;) {
    const victim = await findVictim(sql, retention);
    if (victim === undefined) return pruned;
    await removeBatch(sql, chain, victim);
    pruned += victim.lineCount;
  }
}

interface Victim {
  readonly service: string;
  readonly number: number;
  readonly lineCount: number;
}

async function findVictim(
  sql: Sql,
  { days, maxLines, maxBytes }: Retention,
): Promise<Victim | undefined> {
  const [row] = await sql<Victim[]>`
    with totals as (
      select service, sum(line_count) as lines, sum(bytes) as bytes, min(number) as oldest
      from log_batches group by service
    ), whole as (select sum(lines) as lines, sum(bytes) as bytes from totals)
    select service, number::float8, line_count as "lineCount"
    from totals join log_batches using (service), whole
    where number = oldest and (
      began_at < now() - make_interval(days => ${days})
      or whole.lines > ${maxLines} or whole.bytes > ${maxBytes}
    )
    order by began_at < now() - make_interval(days => ${days}) desc, totals.lines desc
    limit 1`;
  return row;
}

async function removeBatch(sql: Sql, chain: LogChain, { service, number }: Victim): Promise<void> {
  await sql.begin(async (tx) => {
    const [batch] = await tx`
      delete from log_batches where service = ${service} and number = ${number}
      returning first_id::float8, last_id::float8, hash`;
    if (batch === undefined) return;
    await tx`
      delete from log_lines
      where id between ${batch["first_id"]} and ${batch["last_id"]} and service = ${service}`;
    const hash = batch["hash"] as Buffer;
    await tx`
      update log_sources set pruned_number = ${number}, pruned_hash = ${hash},
        pruned_proof = ${chain.provePruned(service, number, hash)}
      where service = ${service}`;
  });
}
