import type { Checkout } from "../config/checkout.ts";
import { loadMasterConfig } from "../config/master_config.ts";
import { formatLogLine } from "../control/log_line.ts";
import { followLogs, logEnds, readLastLines } from "../control/log_tail.ts";
import { print } from "./output.ts";

export interface LogsOptions {
  /** One service; all of them without one. */
  readonly service: string | undefined;
  readonly lines: number;
  readonly follows: boolean;
  /** As the services wrote them. */
  readonly isJson: boolean;
}

/** `helm logs [service]`: the last lines, those of several services in the order of their times. */
export async function logs(checkout: Checkout, options: LogsOptions): Promise<void> {
  const names = await chooseServices(checkout, options.service);
  const width = names.length > 1 ? Math.max(...names.map((name) => name.length)) : 0;
  const show = (name: string, line: string) =>
    print(options.isJson ? line : formatLogLine(line, name, width));

  const ends = logEnds(checkout.logDir, names);
  const found = await Promise.all(
    names.map(async (name) => ({
      name,
      lines: await readLastLines(checkout.logDir, name, options.lines, ends.get(name)),
    })),
  );
  for (const { name, line } of inOrder(found).slice(-options.lines)) show(name, line);
  if (!options.follows) return;
  const stopping = new AbortController();
  process.once("SIGINT", () => stopping.abort());
  await followLogs(checkout.logDir, ends, show, stopping.signal);
}

async function chooseServices(checkout: Checkout, service: string | undefined): Promise<string[]> {
  const known = await listServices(checkout);
  if (service === undefined) return known;
  if (known.includes(service)) return [service];
  throw new Error(`There is no service "${service}", there are: ${known.join(", ")}`);
}

async function listServices(checkout: Checkout): Promise<string[]> {
  const { apps, databases } = await loadMasterConfig(checkout);
  const postgres = databases.postgresql.mode === "embedded" ? ["postgres"] : [];
  return [...postgres, ...Object.keys(apps)];
}

/** A line without a time of its own (a stack trace) belongs to the one before it. */
function inOrder(logs: readonly { name: string; lines: readonly string[] }[]) {
  const dated = logs.flatMap(({ name, lines }) => {
    let time = "";
    return lines.map((line) => {
      time = /^\{"time":"([^"]+)"/.exec(line)?.[1] ?? time;
      return { name, line, time };
    });
  });
  return dated.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
}
