import { createReadStream, statSync } from "node:fs";
import { createInterface } from "node:readline";
import type { LogPosition } from "../logs/log_source.ts";
import { createLogFilter, type LogFilter } from "./log_filter.ts";
import { readLogRecord } from "./log_record.ts";
import { logFile } from "./log_tail.ts";

/** A line of a service's log. */
export interface LogLine {
  readonly service: string;
  readonly line: string;
  /** When it was written, or the one before it that it goes on with; milliseconds since 1970. */
  readonly atMs: number;
}

/**
 * The last lines of some services that a filter wants, in the order of their times; the files that
 * rotation keeps are read too.
 *
 * @param ends where each service's log ends for this search
 */
export async function searchLogs(
  logDir: string,
  ends: ReadonlyMap<string, LogPosition>,
  filter: LogFilter,
  count: number,
): Promise<LogLine[]> {
  const found = await Promise.all(
    [...ends].map(([service, { offset }]) => searchLog(logDir, service, offset, filter, count)),
  );
  return inOrder(found.flat()).slice(-count);
}

/** Lines of the same time keep their order: those of one service were written so. */
export function inOrder(lines: readonly LogLine[]): LogLine[] {
  return lines.toSorted((a, b) => a.atMs - b.atMs);
}

async function searchLog(
  logDir: string,
  service: string,
  end: number,
  filter: LogFilter,
  count: number,
): Promise<LogLine[]> {
  const accepts = createLogFilter(filter);
  const found: LogLine[] = [];
  let atMs = 0;
  const file = logFile(logDir, service);
  for await (const line of readLines([`${file}.1`, Number.POSITIVE_INFINITY], [file, end])) {
    const record = readLogRecord(line);
    atMs = record?.atMs ?? atMs;
    if (!accepts(line, record)) continue;
    found.push({ service, line, atMs });
    // Now and then, so that a search for everything keeps no more than it shows.
    if (found.length >= 2 * count + 1000) found.splice(0, found.length - count);
  }
  return found;
}

async function* readLines(...files: readonly (readonly [file: string, end: number])[]) {
  for (const [file, end] of files) {
    const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    const length = Math.min(size, end);
    if (length === 0) continue;
    const input = createReadStream(file, { end: length - 1 });
    yield* createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  }
}
