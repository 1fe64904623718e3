// The pieces of which a search of the stored lines makes its statements.
import { severity } from "@hivematrix/lib/log";
import type { PendingQuery, Row, TransactionSql } from "postgres";
import type { Cursor } from "./log_cursor.ts";
import type { LogQuery } from "./log_query.ts";
import { showText } from "./shown_line.ts";

/** The index knows three letters or digits in a row, and those of ASCII alone, whatever the locale. */
export function isIndexed(text: string): boolean {
  return /[a-z0-9]{3}/i.test(text);
}

/** A piece of a statement. */
export type Fragment = PendingQuery<Row[]>;

export function columns(sql: TransactionSql): Fragment {
  return sql`id::float8, ${milliseconds(sql)} as at_ms, service, level,
    request_id, trace_id, user_id, line`;
}

export function milliseconds(sql: TransactionSql): Fragment {
  return sql`round(extract(epoch from at) * 1000)::float8`;
}

export function order(sql: TransactionSql, { cursor }: LogQuery): Fragment {
  return cursor?.direction === "newer" ? sql`at, id` : sql`at desc, id desc`;
}

export function upTo(
  sql: TransactionSql,
  { cursor }: LogQuery,
  last: Pick<Cursor, "atMs" | "id"> | undefined,
): Fragment {
  if (last === undefined) return sql``;
  const place = sql`(${moment(sql, last.atMs)}, ${last.id}::bigint)`;
  return cursor?.direction === "newer"
    ? sql`and (at, id) <= ${place}`
    : sql`and (at, id) >= ${place}`;
}

export function placeConditions(sql: TransactionSql, query: LogQuery): Fragment {
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

function moment(sql: TransactionSql, atMs: number): Fragment {
  return sql`to_timestamp(${atMs}::float8 / 1000)`;
}

export function isOfRequest(sql: TransactionSql, request: string): Fragment {
  const beginning = `${escapeLike(request)}%`;
  return sql`(request_id like ${beginning} or trace_id like ${beginning})`;
}

/** What is searched for may be written as the pages show it or as JSON has it. */
export function textCondition(sql: TransactionSql, text: string | undefined): Fragment {
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
