// Searching the stored lines: newest first, a page at a time.
import type { Sql } from "@hivematrix/lib/database";
import { type LogLevel, severity } from "@hivematrix/lib/log";
import type { PendingQuery, Row } from "postgres";
import type { LogQuery } from "./log_query.ts";
import { showText } from "./shown_line.ts";

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
}

/** Common words are found among so many lines, which takes some milliseconds; the index is for rare ones. */
const windowLines = 20_000;

export async function searchStored(
  sql: Sql,
  query: LogQuery,
  { hasTextIndex }: { hasTextIndex: boolean },
): Promise<FoundPage> {
  const wanted = query.count + 1;
  const found = await findRows(sql, query, wanted, hasTextIndex);
  const rows = found.slice(0, query.count).map(toLine);
  if (query.cursor?.direction === "newer") rows.reverse();
  return { lines: rows, hasMore: found.length >= wanted };
}

async function findRows(
  sql: Sql,
  query: LogQuery,
  wanted: number,
  hasTextIndex: boolean,
): Promise<Row[]> {
  const place = placeConditions(sql, query);
  const order = query.cursor?.direction === "newer" ? sql`at, id` : sql`at desc, id desc`;
  if (query.request !== undefined) {
    // An id means few lines, so they are found first and put in order then.
    return await sql`
      with mine as materialized (
        select * from log_lines where ${isOfRequest(sql, query.request)})
      select ${columns(sql)} from mine where ${place} ${textCondition(sql, query.text)}
      order by ${order} limit ${wanted}`;
  }
  if (query.text === undefined) {
    return await sql`
      select ${columns(sql)} from log_lines where ${place} order by ${order} limit ${wanted}`;
  }
  const text = textCondition(sql, query.text);
  if (!hasTextIndex || !isIndexed(query.text)) {
    return await sql`
      select ${columns(sql)} from log_lines where ${place} ${text} order by ${order} limit ${wanted}`;
  }
  const near = await sql`
    with near as materialized (
      select * from log_lines where ${place} order by ${order} limit ${windowLines})
    select ${columns(sql)}, (select count(*) from near)::int as looked
    from near where true ${text} order by ${order} limit ${wanted}`;
  const looked = near[0]?.["looked"] ?? windowLines;
  if (near.length >= wanted || looked < windowLines) return near;
  return await sql`
    with mine as materialized (select * from log_lines where true ${text})
    select ${columns(sql)} from mine where ${place} order by ${order} limit ${wanted}`;
}

/** The index knows three letters or digits in a row, and those of ASCII alone, whatever the locale. */
function isIndexed(text: string): boolean {
  return /[a-z0-9]{3}/i.test(text);
}

type Fragment = PendingQuery<Row[]>;

function columns(sql: Sql): Fragment {
  return sql`id::float8, round(extract(epoch from at) * 1000)::float8 as at_ms, service, level,
    request_id, trace_id, user_id, line`;
}

function placeConditions(sql: Sql, query: LogQuery): Fragment {
  const { services, level, sinceMs, untilMs, cursor } = query;
  const conditions: Fragment[] = [sql`true`];
  if (services.length > 0) conditions.push(sql`service in ${sql([...services])}`);
  if (level !== undefined) {
    // Said with the number that the partial index is for, so that it can be used.
    if (severity[level] >= 30) conditions.push(sql`level >= 30`);
    conditions.push(sql`level >= ${severity[level]}`);
  }
  if (sinceMs !== undefined) conditions.push(sql`at >= ${moment(sql, sinceMs)}`);
  if (untilMs !== undefined) conditions.push(sql`at <= ${moment(sql, untilMs)}`);
  if (cursor !== undefined) {
    const place = sql`(${moment(sql, cursor.atMs)}, ${cursor.id}::bigint)`;
    conditions.push(
      cursor.direction === "older" ? sql`(at, id) < ${place}` : sql`(at, id) > ${place}`,
    );
  }
  return conditions.reduce((all, one) => sql`${all} and ${one}`);
}

function moment(sql: Sql, atMs: number): Fragment {
  return sql`to_timestamp(${atMs}::float8 / 1000)`;
}

function isOfRequest(sql: Sql, request: string): Fragment {
  const beginning = `${escapeLike(request)}%`;
  return sql`(request_id like ${beginning} or trace_id like ${beginning})`;
}

/** What is searched for may be written as the pages show it or as JSON has it. */
function textCondition(sql: Sql, text: string | undefined): Fragment {
  if (text === undefined) return sql``;
  const shown = showText(text).toLowerCase();
  const asShown = sql`search like ${`%${escapeLike(shown)}%`}`;
  const fromJson = shown.replace(/"([\w.-]+)":\s*"?/g, "$1=").replaceAll('"', "");
  const conditions = [asShown];
  if (fromJson !== shown && fromJson !== "") {
    conditions.push(sql`search like ${`%${escapeLike(fromJson)}%`}`);
  }
  // An id stands in a column of its own.
  if (/^[0-9a-z][\w.-]{7,63}$/i.test(text)) conditions.push(isOfRequest(sql, text));
  return sql`and (${conditions.reduce((all, one) => sql`${all} or ${one}`)})`;
}

function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, "\\$&");
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
