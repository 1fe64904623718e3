import { stripVTControlCharacters } from "node:util";
import { readLogFields } from "./log_record.ts";

/** Fields that every line has, or that say nothing to a person; the second line is Keycloak's. */
const usual = new Set([
  ...["time", "level", "service", "message", "traceparent"],
  ...["timestamp", "sequence", "loggerClassName", "loggerName", "threadName", "threadId"],
  ...["mdc", "ndc", "hostName", "processName", "processId", "service.name"],
]);

/**
 * A line of a service's log for a person: `20:41:07 warn core  session check failed status=503`.
 * A line that is not ours stays as it is, without what could drive a terminal.
 *
 * @param width of the service's column; 0 leaves it out
 */
export function formatLogLine(line: string, service = "", width = 0): string {
  const record = readLogFields(line);
  const text = record === undefined ? line : describe(record);
  const column = width === 0 ? "" : `${service.padEnd(width)}  `;
  return tidy(`${column}${text}`);
}

function describe(record: Record<string, unknown>): string {
  const { time = record["timestamp"], level } = record;
  const clock = /T(\d\d:\d\d:\d\d)/.exec(String(time))?.[1] ?? "";
  return [
    clock,
    String(level ?? "")
      .toLowerCase()
      .padEnd(5),
    describeMessage(record),
  ].join(" ");
}

/**
 * `session check failed status=503`: the message of a line and whatever else it says.
 *
 * @param shownElsewhere names of fields that are left out beside the usual ones
 */
export function describeMessage(
  record: Readonly<Record<string, unknown>>,
  shownElsewhere: ReadonlySet<string> = new Set(),
): string {
  const fields = Object.entries(record)
    .filter(([name]) => !usual.has(name) && !shownElsewhere.has(name))
    .map(([name, value]) => `${name}=${describeValue(value)}`);
  return [String(record["message"]), ...fields].join(" ");
}

function describeValue(value: unknown): string {
  if (typeof value === "string") return value;
  const { name, exceptionType = name, message, stack } = (value ?? {}) as Record<string, unknown>;
  // Errors and Keycloak's exceptions come with every frame of their stack; --json shows them.
  const isError = typeof exceptionType === "string" && (stack !== undefined || name === undefined);
  return isError ? `${exceptionType}: ${message}` : JSON.stringify(value);
}

/** What a service wrote must not move the cursor, change colours or forge a second line. */
function tidy(text: string): string {
  return stripVTControlCharacters(text).replace(/(?!\t)\p{Cc}+/gu, " ");
}
