import type { Checkout } from "../config/checkout.ts";
import { loadMasterConfig } from "../config/master_config.ts";
import { serviceNames } from "../config/service_names.ts";
import { createLogFilter, isEmptyFilter, type LogFilter } from "../control/log_filter.ts";
import { formatLogLine } from "../control/log_line.ts";
import { readLogRecord } from "../control/log_record.ts";
import { inOrder, type LogLine, searchLogs } from "../control/log_search.ts";
import { followLogs, logEnds, readLastLines } from "../control/log_tail.ts";
import { didYouMean } from "../control/near_names.ts";
import type { LogPosition } from "../logs/log_source.ts";
import { print } from "./output.ts";
import { findStoredLines } from "./stored_lines.ts";

export interface LogsOptions {
  /** None: all of them. */
  readonly services: readonly string[];
  readonly filter: LogFilter;
  readonly lines: number;
  readonly follows: boolean;
  /** As the services wrote them. */
  readonly isJson: boolean;
}

/** `helm logs [service..]`: the last lines, those of several services in the order of their times. */
export async function logs(checkout: Checkout, options: LogsOptions): Promise<void> {
  const { filter, lines, follows, isJson } = options;
  const names = await chooseServices(checkout, options.services);
  const width = names.length > 1 ? Math.max(...names.map((name) => name.length)) : 0;
  const show = (name: string, line: string) =>
    print(isJson ? line : formatLogLine(line, name, width));

  const ends = logEnds(checkout.logDir, names);
  const found = await findLines(checkout.logDir, ends, filter, lines);
  const missing = lines - found.length;
  const older =
    missing <= 0 ? [] : await findStoredLines({ checkout, names, filter, count: missing });
  for (const { service, line } of inOrder([...older, ...found])) show(service, line);
  if (!follows) return;
  const stopping = new AbortController();
  process.once("SIGINT", () => stopping.abort());
  const filters = new Map(names.map((name) => [name, createLogFilter(filter)]));
  const showWanted = (name: string, line: string) => {
    if (filters.get(name)?.(line)) show(name, line);
  };
  await followLogs(checkout.logDir, ends, showWanted, stopping.signal);
}

/** @returns all services when none is named @throws {Error} for a name that is none's */
export async function chooseServices(
  checkout: Checkout,
  named: readonly string[] = [],
): Promise<string[]> {
  const known = serviceNames(await loadMasterConfig(checkout));
  const unknown = named.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const near = didYouMean(unknown, known);
    throw new Error(`There is no service "${unknown}", there are: ${known.join(", ")}${near}`);
  }
  return named.length === 0 ? known : [...new Set(named)];
}

async function findLines(
  logDir: string,
  ends: ReadonlyMap<string, LogPosition>,
  filter: LogFilter,
  count: number,
): Promise<LogLine[]> {
  // Without a filter the ends of the files are enough, however long they are.
  if (!isEmptyFilter(filter)) return await searchLogs(logDir, ends, filter, count);
  const found = await Promise.all(
    [...ends].map(async ([service, { offset }]) =>
      toLogLines(service, await readLastLines(logDir, service, count, offset)),
    ),
  );
  return inOrder(found.flat()).slice(-count);
}

function toLogLines(service: string, lines: readonly string[]): LogLine[] {
  let atMs = 0;
  return lines.map((line) => {
    atMs = readLogRecord(line)?.atMs ?? atMs;
    return { service, line, atMs };
  });
}
