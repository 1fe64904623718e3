// Whether the stored lines are those that Helm has stored (R26): every line is put through the chain
// again, from where Helm itself has pruned it to its end.
import type { Sql } from "@hivematrix/lib/database";
import { chainStart, type LogChain } from "./log_chain.ts";
import type { LogHeads } from "./log_heads.ts";
import type { StoredLine } from "./stored_line.ts";

/** What the check of one service's chain has found. */
export interface ChainReport {
  readonly service: string;
  readonly lines: number;
  readonly batches: number;
  /** The first thing that does not fit. */
  readonly problem?: string;
}

const linesAtOnce = 2000;

/**
 * @param heads what Helm remembers outside the database, read before this is called: with it a loss of
 *   the newest lines is noticed, which leaves a chain that is shorter and whole
 * @param services none: all of them
 */
export async function verifyChains(
  sql: Sql,
  chain: LogChain,
  { heads, services = [] }: { heads: LogHeads; services?: readonly string[] },
): Promise<ChainReport[]> {
  // One view of everything, while Helm goes on storing and pruning.
  return await sql.begin("isolation level repeatable read read only", async (tx) => {
    const checks = new Map<string, ChainCheck>();
    const isWanted = (service: string) => services.length === 0 || services.includes(service);
    const sources = await tx`
      select service, pruned_number::float8, pruned_hash, pruned_proof from log_sources`;
    const batches = await tx`
      select service, number::float8, last_id::float8, line_count, hash, began_at
      from log_batches order by service, number`;
    for (const row of sources) {
      const service = row["service"] as string;
      const own = batches.filter((batch) => batch["service"] === service) as unknown as Batch[];
      if (isWanted(service)) checks.set(service, new ChainCheck(service, chain, row, own, heads));
    }
    // Of services that Helm never stored anything of, and of sources that somebody has removed.
    const known = [...Object.keys(heads), ...batches.map((batch) => batch["service"] as string)];
    for (const service of known) {
      if (!isWanted(service) || checks.has(service)) continue;
      checks.set(service, new ChainCheck(service, chain, undefined, [], heads));
    }
    const rows = tx`
      select id::float8, round(extract(epoch from at) * 1000)::float8 as "atMs", service, level,
        request_id as "requestId", trace_id as "traceId", user_id as "userId", search, line
      from log_lines order by id`;
    for await (const page of rows.cursor(linesAtOnce)) {
      for (const row of page as unknown as (StoredLine & { id: number })[]) {
        if (!isWanted(row.service)) continue;
        let check = checks.get(row.service);
        if (check === undefined) {
          check = new ChainCheck(row.service, chain, undefined, [], heads);
          checks.set(row.service, check);
        }
        check.take(row.id, row);
      }
    }
    return [...checks.values()].map((check) => check.finish());
  });
}

interface Batch {
  readonly number: number;
  readonly last_id: number;
  readonly line_count: number;
  readonly hash: Buffer;
  readonly began_at: Date;
}

/** One service's lines, taken in their order. */
class ChainCheck {
  readonly #service: string;
  readonly #chain: LogChain;
  readonly #batches: readonly Batch[];
  readonly #head: string | undefined;
  #hash: Buffer = chainStart;
  #current = 0;
  #inBatch = 0;
  #lines = 0;
  #hasSeenHead: boolean;
  #problem: string | undefined;

  constructor(
    service: string,
    chain: LogChain,
    source: Record<string, unknown> | undefined,
    batches: readonly Batch[],
    heads: LogHeads,
  ) {
    this.#service = service;
    this.#chain = chain;
    this.#batches = batches;
    const head = heads[service];
    this.#head = head?.hash;
    this.#hasSeenHead = head === undefined;
    if (source === undefined) {
      this.#problem = "where its chain begins is missing";
      return;
    }
    const number = source["pruned_number"] as number;
    const hash = source["pruned_hash"] as Buffer;
    if (!chain.isPruned(service, number, hash, source["pruned_proof"] as Buffer)) {
      this.#problem = `what was pruned up to batch ${number} was not pruned by this Helm`;
    }
    this.#hash = hash;
    // Everything that it remembers may have grown old and been pruned since.
    if (head !== undefined && head.number <= number) this.#hasSeenHead = true;
    const first = batches.findIndex((batch, i) => batch.number !== number + 1 + i);
    if (first !== -1) this.#problem ??= `batch ${number + 1 + first} is missing`;
  }

  take(id: number, line: StoredLine): void {
    this.#lines++;
    if (this.#problem !== undefined) return;
    const batch = this.#batches[this.#current];
    if (batch === undefined || id > batch.last_id) {
      this.#problem = batch === undefined ? `line ${id} belongs to no batch` : misfit(batch);
      return;
    }
    this.#hash = this.#chain.next(this.#hash, line);
    this.#hasSeenHead ||= this.#hash.toString("hex") === this.#head;
    this.#inBatch++;
    if (id < batch.last_id) return;
    const isWhole = this.#inBatch === batch.line_count && this.#hash.equals(batch.hash);
    if (!isWhole) this.#problem = misfit(batch);
    this.#current++;
    this.#inBatch = 0;
  }

  finish(): ChainReport {
    const unfinished = this.#batches[this.#current];
    if (unfinished !== undefined) this.#problem ??= misfit(unfinished);
    if (!this.#hasSeenHead) this.#problem ??= "the newest lines that Helm had stored are missing";
    return {
      service: this.#service,
      lines: this.#lines,
      batches: this.#batches.length,
      ...(this.#problem !== undefined && { problem: this.#problem }),
    };
  }
}

function misfit({ number, began_at }: Batch): string {
  const time = began_at.toISOString().slice(0, 19).replace("T", " ");
  return `batch ${number}, begun ${time} UTC, is not as it was stored`;
}
