// What a service that pushes its log sends (contract: {service_name, logs: [{level, message, timestamp,
// context, trace_id, user_id}]}), checked once and written as a line like any other's.
import { HttpError } from "@hivematrix/lib/http_error";
import { formatLine } from "@hivematrix/lib/log_line";
import { knownLevel } from "../control/log_record.ts";

export const maxEntries = 1000;
const maxMessageLength = 16_000;
const maxContextLength = 32_000;

/**
 * @returns the lines, each with its end
 * @throws {HttpError} 400 naming the first field that is wrong
 */
export function readIngestedLines(service: string, logs: unknown, nowMs: number): string[] {
  if (!Array.isArray(logs) || logs.length === 0 || logs.length > maxEntries) {
    throw wrong("logs", `a list of 1 to ${maxEntries} entries`);
  }
  return logs.map((entry: unknown, index) => readEntry(service, entry, `logs[${index}]`, nowMs));
}

function readEntry(service: string, entry: unknown, name: string, nowMs: number): string {
  if (!isObject(entry)) throw wrong(name, "an object");
  const { level, message, timestamp, context } = entry;
  const known = level === undefined ? "info" : knownLevel(level);
  if (known === undefined) throw wrong(`${name}.level`, "debug, info, warning, error or critical");
  if (typeof message !== "string" || message === "" || message.length > maxMessageLength) {
    throw wrong(`${name}.message`, `text of 1 to ${maxMessageLength} characters`);
  }
  const atMs = readTimestamp(timestamp ?? undefined, nowMs);
  if (atMs === undefined) throw wrong(`${name}.timestamp`, "a time like 2026-11-26T20:15:00Z");
  if ((context ?? undefined) !== undefined && !isObject(context)) {
    throw wrong(`${name}.context`, "an object");
  }
  if (context && JSON.stringify(context).length > maxContextLength) {
    throw wrong(`${name}.context`, `at most ${maxContextLength} characters of JSON`);
  }
  const fields = {
    request_id: readId(
      (context as { request_id?: unknown } | null)?.request_id,
      `${name}.context.request_id`,
    ),
    trace_id: readId(entry["trace_id"], `${name}.trace_id`),
    user_id: readId(entry["user_id"], `${name}.user_id`),
    context: context ?? undefined,
  };
  const time = new Date(atMs).toISOString();
  return formatLine({ time, level: known, service, message }, fields, {});
}

/** Without a zone it is UTC, as the contract's Python services mean it; a number is seconds since 1970. */
function readTimestamp(value: unknown, nowMs: number): number | undefined {
  if (value === undefined) return nowMs;
  if (typeof value === "number") return isSane(value * 1000) ? value * 1000 : undefined;
  if (typeof value !== "string" || !/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(value)) return undefined;
  const hasZone = /(?:Z|[+-]\d\d:?\d\d)$/i.test(value);
  const atMs = Date.parse(hasZone ? value : `${value}Z`);
  return isSane(atMs) ? atMs : undefined;
}

function isSane(atMs: number): boolean {
  return atMs >= 0 && atMs < Date.UTC(9999, 0);
}

function readId(value: unknown, name: string): string | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value === "string" && value.length <= 200) return value;
  throw wrong(name, "text of at most 200 characters");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function wrong(field: string, expected: string): HttpError {
  return new HttpError(400, `Cannot take the log: "${field}" has to be ${expected}`, {
    fields: { field },
  });
}
