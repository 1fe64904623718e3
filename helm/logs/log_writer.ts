// Puts lines into the database together with how far their file has been read, in one transaction:
// whatever dies in between, each line is stored once.
import type { Sql } from "@hivematrix/lib/database";
import type { TransactionSql } from "postgres";
import { chainStart, type LogChain } from "./log_chain.ts";
import { type LogPosition, startOfLog } from "./log_source.ts";
import type { StoredLine } from "./stored_line.ts";

/** One service's place in its file, and the end of its chain. */
export interface SourceState {
  readonly position: LogPosition;
  readonly hash: Buffer;
  readonly batch: OpenBatch | undefined;
  /** Of the last batch, whether it is still there or pruned. */
  readonly lastNumber: number;
}

/** A batch that still takes lines. */
interface OpenBatch {
  readonly number: number;
  readonly lineCount: number;
}

const linesPerBatch = 1000;

/** Somebody else has stored lines of the same file: what is known here does not hold any more. */
export class OtherWriterError extends Error {
  override readonly name = "OtherWriterError";
}

export async function readSourceState(
  sql: Sql,
  chain: LogChain,
  service: string,
): Promise<SourceState> {
  await sql`
    insert into log_sources (service, position, anchor, copy_id, pruned_hash, pruned_proof)
    values (${service}, 0, '', '', ${chainStart}, ${chain.provePruned(service, 0, chainStart)})
    on conflict do nothing`;
  const [row] = await sql`
    select position::float8, anchor, copy_id, pruned_number::float8, pruned_hash,
      number::float8, line_count, hash
    from log_sources left join lateral (
      select number, line_count, hash from log_batches
      where log_batches.service = log_sources.service order by number desc limit 1
    ) as newest on true
    where service = ${service}`;
  if (row === undefined)
    return { position: startOfLog, hash: chainStart, batch: undefined, lastNumber: 0 };
  const { position: offset, anchor, copy_id: copyId, number, line_count: lineCount } = row;
  return {
    position: { offset, anchor, copyId },
    hash: row["hash"] ?? row["pruned_hash"],
    batch: number === null ? undefined : { number, lineCount },
    lastNumber: number ?? row["pruned_number"],
  };
}

/**
 * @param lines none, where the file was read on without any that count
 * @throws {OtherWriterError} when the state is not the database's any more
 */
export async function writeLines(
  sql: Sql,
  chain: LogChain,
  service: string,
  {
    before,
    lines,
    position,
  }: { before: SourceState; lines: readonly StoredLine[]; position: LogPosition },
): Promise<SourceState> {
  let { hash } = before;
  for (const line of lines) hash = chain.next(hash, line);
  const { batch } = before;
  const isOpen = batch !== undefined && batch.lineCount < linesPerBatch;
  const number = isOpen ? batch.number : before.lastNumber + 1;
  const bytes = lines.reduce((sum, { line }) => sum + Buffer.byteLength(line), 0);
  await sql.begin(async (tx) => {
    const moved = await tx`
      update log_sources set position = ${position.offset}, anchor = ${position.anchor},
        copy_id = ${position.copyId}
      where service = ${service} and position = ${before.position.offset}
        and copy_id = ${before.position.copyId}`;
    if (moved.count !== 1)
      throw new OtherWriterError(`The log of ${service} was stored by another Helm`);
    if (lines.length === 0) return;
    const [head] = await tx`
      update log_head set last_id = last_id + ${lines.length} returning last_id::float8`;
    const firstId = Number(head?.["last_id"]) - lines.length + 1;
    await insertLines(tx, lines, firstId);
    const lastId = firstId + lines.length - 1;
    const stored = isOpen
      ? await tx`
          update log_batches set last_id = ${lastId}, line_count = line_count + ${lines.length},
            bytes = bytes + ${bytes}, hash = ${hash}
          where service = ${service} and number = ${number} and line_count = ${batch.lineCount}`
      : await tx`
          insert into log_batches (service, number, first_id, last_id, line_count, bytes, hash)
          values (${service}, ${number}, ${firstId}, ${lastId}, ${lines.length}, ${bytes}, ${hash})`;
    if (stored.count !== 1) throw new OtherWriterError(`A batch of ${service} is not as it was`);
  });
  if (lines.length === 0) return { ...before, position };
  const lineCount = lines.length + (isOpen ? batch.lineCount : 0);
  return { position, hash, batch: { number, lineCount }, lastNumber: number };
}

/** As one parameter: a thousand rows of nine would be nine thousand, or a copy with text of its own. */
async function insertLines(
  tx: TransactionSql,
  lines: readonly StoredLine[],
  firstId: number,
): Promise<void> {
  const rows = JSON.stringify(lines.map((line, index) => ({ ...line, id: firstId + index })));
  await tx`
    insert into log_lines (id, at, service, level, request_id, trace_id, user_id, search, line)
    select id, to_timestamp("atMs" / 1000), service, level, "requestId", "traceId", "userId", search, line
    from json_to_recordset(${rows}::text::json) as row (id bigint, "atMs" float8, service text,
      level smallint, "requestId" text, "traceId" text, "userId" text, search text, line text)`;
}
