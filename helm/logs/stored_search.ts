// Searching the stored lines: newest first, a page at a time.
import type { Sql } from "@hivematrix/lib/database";
import { HttpError } from "@hivematrix/lib/http_error";
import { type LogLevel, severity } from "@hivematrix/lib/log";
import type { Row, TransactionSql } from "postgres";
import type { Cursor } from "./log_cursor.ts";
import type { LogQuery } from "./log_query.ts";
import {
  columns,
  type Fragment,
  isIndexed,
  isOfRequest,
  milliseconds,
  order,
  placeConditions,
  textCondition,
  upTo,
} from "./search_conditions.ts";

/** A line as it was found. */
export interface FoundLine {
  readonly id: number;
  readonly atMs: number;
  readonly service: string;
  readonly level: LogLevel;
  readonly requestId: string | undefined;
  readonly traceId: string | undefined;
  readonly user: string | undefined;
  readonly line: string;
}

export interface FoundPage {
  /** The newest first. */
  readonly lines: readonly FoundLine[];
  /** Whether there are more beyond the last, seen in the direction of the search. */
  readonly hasMore: boolean;
  /** How far was looked where that is not to the end: the search goes on from there when asked to. */
  readonly stoppedAt?: Pick<Cursor, "atMs" | "id"> | undefined;
}

export interface SearchLimits {
  /** Common words are found among so many lines, which takes some milliseconds; the index is for rare ones. */
  readonly windowLines: number;
  /** For the index: a text whose parts stand in many lines would have all of those compared. */
  readonly indexMs: number;
  /** After this no further window of lines is read; somebody is waiting for the answer. */
  readonly readingMs: number;
  /** For one statement of any search, so that nobody can keep the database busy. */
  readonly statementMs: number;
  /** Of the lines of one answer, which Helm has in memory several times over; at least one line. */
  readonly pageBytes: number;
}

const usualLimits: SearchLimits = {
  windowLines: 20_000,
  indexMs: 200,
  readingMs: 500,
  statementMs: 5000,
  pageBytes: 4_000_000,
};

/** @throws {HttpError} 504 for what the database takes too long to find */
export async function searchStored(
  sql: Sql,
  query: LogQuery,
  { hasTextIndex, ...limits }: { hasTextIndex: boolean } & Partial<SearchLimits>,
): Promise<FoundPage> {
  const wanted = query.count + 1;
  const search = { sql, query, wanted, limits: { ...usualLimits, ...limits } };
  const { rows, isCut, stoppedAt } = await findRows(search, hasTextIndex).catch(
    (error: unknown) => {
      throw wasTooLong(error) ? tooLong(search.limits) : error;
    },
  );
  const lines = rows.slice(0, query.count).map(toLine);
  if (query.cursor?.direction === "newer") lines.reverse();
  const hasMore = rows.length >= wanted || isCut || stoppedAt !== undefined;
  return { lines, hasMore, stoppedAt };
}

interface Search {
  readonly sql: Sql;
  readonly query: LogQuery;
  readonly wanted: number;
  readonly limits: SearchLimits;
}

interface FoundRows extends Pick<FoundPage, "stoppedAt"> {
  readonly rows: Row[];
  /** Whether some of those wanted were found and left out, as the answer would be too large. */
  readonly isCut: boolean;
}

async function findRows(search: Search, hasTextIndex: boolean): Promise<FoundRows> {
  const { query, limits } = search;
  if (query.request !== undefined) return await findOfRequest(search, query.request);
  if (query.text === undefined) return await findInOrder(search);
  const endMs = performance.now() + limits.readingMs;
  if (!hasTextIndex || !isIndexed(query.text)) return await readOn(search, endMs);
  const near = await readOn(search, 0);
  if (near.stoppedAt === undefined) return near;
  try {
    return await findByIndex(search);
  } catch (error) {
    if (!wasTooLong(error)) throw error;
    return performance.now() < endMs ? await readOn(search, endMs, near) : near;
  }
}

async function findInOrder(search: Search): Promise<FoundRows> {
  const { query, limits } = search;
  return await findPage(
    search,
    limits.statementMs,
    (tx) => tx`select * from log_lines where ${placeConditions(tx, query)}`,
  );
}

/** An id means few lines, so they are found first and put in order then. */
async function findOfRequest(search: Search, request: string): Promise<FoundRows> {
  const { query, limits } = search;
  return await findPage(
    search,
    limits.statementMs,
    (tx) => tx`
      with mine as materialized (
        select * from log_lines where ${isOfRequest(tx, request)})
      select * from mine where ${placeConditions(tx, query)} ${textCondition(tx, query.text)}`,
  );
}

async function findByIndex(search: Search): Promise<FoundRows> {
  const { query, limits } = search;
  return await findPage(
    search,
    limits.indexMs,
    (tx) => tx`
      with mine as materialized (select * from log_lines where true ${textCondition(tx, query.text)})
      select * from mine where ${placeConditions(tx, query)}`,
  );
}

/** Reads one window of lines after the other, at least one, until there are enough or it is time to stop. */
async function readOn(
  search: Search,
  endMs: number,
  before: FoundRows = { rows: [], isCut: false },
): Promise<FoundRows> {
  const { sql, query, wanted, limits } = search;
  const rows = [...before.rows];
  let pageBytes = limits.pageBytes - sizeOf(rows);
  const direction = query.cursor?.direction ?? "older";
  let cursor = before.stoppedAt === undefined ? query.cursor : { direction, ...before.stoppedAt };
  for (;;) {
    const left = { ...query, cursor };
    const last = await findEndOfWindow(sql, left, limits);
    const rest = { ...search, wanted: wanted - rows.length, limits: { ...limits, pageBytes } };
    const found = await findPage(
      rest,
      limits.statementMs,
      (tx) => tx`
        select * from log_lines
        where ${placeConditions(tx, left)} ${upTo(tx, left, last)} ${textCondition(tx, query.text)}`,
      { usesTextIndex: false },
    );
    rows.push(...found.rows);
    pageBytes -= sizeOf(found.rows);
    const isCut = found.isCut || pageBytes <= 0;
    if (isCut || last === undefined || rows.length >= wanted) return { rows, isCut };
    if (performance.now() >= endMs) return { rows, isCut, stoppedAt: last };
    cursor = { direction, ...last };
  }
}

function sizeOf(rows: readonly Row[]): number {
  return rows.reduce((sum, row) => sum + Buffer.byteLength(row["line"]), 0);
}

/**
 * The first of the lines that a statement finds, in the order of the search.
 *
 * @param select a statement for all of them
 */
async function findPage(
  { sql, query, wanted, limits }: Search,
  timeoutMs: number,
  select: (tx: TransactionSql) => Fragment,
  { usesTextIndex = true }: { usesTextIndex?: boolean } = {},
): Promise<FoundRows> {
  const rows = await within(sql, timeoutMs, async (tx) => {
    // For a window of lines the index would find the text in all others first.
    if (!usesTextIndex) await tx`set local enable_bitmapscan = off`;
    return await tx`
      with page as (select * from (${select(tx)}) as found order by ${order(tx, query)} limit ${wanted}),
        measured as (
          select *, (count(*) over ())::int as "foundCount",
            sum(octet_length(line)) over (order by ${order(tx, query)}) - octet_length(line) as "bytesBefore"
          from page)
      select ${columns(tx)}, "foundCount" from measured where "bytesBefore" < ${limits.pageBytes}
      order by ${order(tx, query)}`;
  });
  return { rows, isCut: rows.length < (rows[0]?.["foundCount"] ?? 0) };
}

/** @returns the place of the window's last line; `undefined` where no more lines are left than a window has */
async function findEndOfWindow(
  sql: Sql,
  query: LogQuery,
  { windowLines, statementMs }: SearchLimits,
): Promise<Pick<Cursor, "atMs" | "id"> | undefined> {
  const [row] = await within(
    sql,
    statementMs,
    (tx) => tx`
      select ${milliseconds(tx)} as "atMs", id::float8 from log_lines
      where ${placeConditions(tx, query)}
      order by ${order(tx, query)} offset ${windowLines - 1} limit 1`,
  );
  return row && { atMs: row["atMs"], id: row["id"] };
}

/** A transaction whose statements are cancelled after so long. */
async function within(
  sql: Sql,
  timeoutMs: number,
  search: (tx: TransactionSql) => PromiseLike<Row[]>,
): Promise<Row[]> {
  return await sql.begin("read only", async (tx) => {
    await tx`select set_config('statement_timeout', ${String(timeoutMs)}, true)`;
    return await search(tx);
  });
}

/** SQLSTATE 57014 is query_canceled. */
function wasTooLong(error: unknown): boolean {
  return (error as { code?: unknown }).code === "57014";
}

function tooLong({ statementMs }: SearchLimits): HttpError {
  return new HttpError(
    504,
    `Cannot search the logs: it would take longer than ${statementMs / 1000} s; narrow the search by time, service or level`,
  );
}

const levelNames = Object.keys(severity) as LogLevel[];

function toLine(row: Row): FoundLine {
  return {
    id: row["id"],
    atMs: row["at_ms"],
    service: row["service"],
    level: levelNames.find((name) => severity[name] === row["level"]) ?? "info",
    requestId: row["request_id"] ?? undefined,
    traceId: row["trace_id"] ?? undefined,
    user: row["user_id"] ?? undefined,
    line: row["line"],
  };
}
