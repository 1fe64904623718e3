// What the log files no longer have, from Helm's database by way of the daemon.
import { closeSync, existsSync, openSync, readSync } from "node:fs";
import type { Checkout } from "../config/checkout.ts";
import { connectDaemon } from "../control/control_client.ts";
import type { LogFilter } from "../control/log_filter.ts";
import { readLogRecord } from "../control/log_record.ts";
import type { LogLine } from "../control/log_search.ts";
import { logFile } from "../control/log_tail.ts";

/** The most that one answer of the daemon has. */
const linesPerAnswer = 1000;

/**
 * The newest of the lines that a filter wants and that are older than those in the files, in the order
 * of their times. Says so on standard error where the database cannot be asked.
 */
export async function findStoredLines({
  checkout,
  names,
  filter,
  count,
}: {
  checkout: Checkout;
  names: readonly string[];
  filter: LogFilter;
  count: number;
}): Promise<LogLine[]> {
  // Without a copy nothing has been rotated away yet.
  const rotated = names.filter((name) => existsSync(`${logFile(checkout.logDir, name)}.1`));
  if (rotated.length === 0) return [];
  try {
    const begins = new Map(rotated.map((name) => [name, beginOfFiles(checkout.logDir, name)]));
    return await askDaemon(checkout, begins, filter, count);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`Only the files were searched, which have the newest lines: ${reason}\n`);
    return [];
  }
}

async function askDaemon(
  checkout: Checkout,
  begins: ReadonlyMap<string, number>,
  { sinceMs, level, text, request }: LogFilter,
  count: number,
): Promise<LogLine[]> {
  const daemon = await connectDaemon(checkout);
  if (daemon === undefined) throw new Error("Helm does not run");
  const query = new URLSearchParams(
    [...begins.keys()].map((name): [string, string] => ["service", name]),
  );
  query.set("n", String(linesPerAnswer));
  query.set("until", new Date(Math.max(...begins.values())).toISOString());
  if (sinceMs !== undefined) query.set("since", new Date(sinceMs).toISOString());
  for (const [name, value] of Object.entries({ level, q: text, request })) {
    if (value !== undefined) query.set(name, value);
  }
  const found: LogLine[] = [];
  for (;;) {
    const { lines, older, source } = await daemon.logs(query);
    if (source === "files") throw new Error("Helm's database is away");
    for (const { time, service, line } of lines) {
      const atMs = Date.parse(time);
      if (atMs < (begins.get(service) ?? 0)) found.push({ service, line, atMs });
    }
    if (older === undefined || found.length >= count) return found.slice(0, count).reverse();
    query.set("before", older);
  }
}

/** When the oldest line that is still in a service's files was written. */
function beginOfFiles(logDir: string, name: string): number {
  const descriptor = openSync(`${logFile(logDir, name)}.1`, "r");
  try {
    const buffer = Buffer.alloc(256 * 1024);
    const text = buffer.toString("utf8", 0, readSync(descriptor, buffer));
    // The first may have lost its beginning when it was rotated.
    const records = text.split("\n").map(readLogRecord);
    return records.find((record) => record?.atMs !== undefined)?.atMs ?? 0;
  } finally {
    closeSync(descriptor);
  }
}
