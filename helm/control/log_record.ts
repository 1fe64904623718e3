// What can be read of a line of some service's log, whoever wrote it: our services, a Python one,
// Keycloak or PostgreSQL.
import type { LogLevel } from "@hivematrix/lib/log";

export interface LogRecord {
  /** Milliseconds since 1970. */
  readonly atMs: number | undefined;
  readonly level: LogLevel;
  readonly requestId: string | undefined;
  /** W3C Trace Context's, the same in every service that a request touched. */
  readonly traceId: string | undefined;
  /** All there is, of a line in JSON. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** @returns `undefined` for a line that goes on with the one before it, as those of a stack trace do */
export function readLogRecord(line: string): LogRecord | undefined {
  const fields = readLogFields(line);
  return fields === undefined ? readPostgres(line) : readJson(fields);
}

/** The fields of a line in JSON that has a message; `undefined` for any other line. */
export function readLogFields(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const fields = JSON.parse(line) as Record<string, unknown>;
    return typeof fields["message"] === "string" ? fields : undefined;
  } catch {
    return undefined;
  }
}

/** By what other log libraries call them too. */
const levels: Readonly<Record<string, LogLevel>> = Object.assign(Object.create(null), {
  trace: "debug",
  debug: "debug",
  info: "info",
  warn: "warn",
  warning: "warn",
  error: "error",
  severe: "error",
  critical: "error",
  fatal: "error",
});

/** @returns `undefined` for what no log library calls a level */
export function knownLevel(name: unknown): LogLevel | undefined {
  return levels[String(name).toLowerCase()];
}

function readJson(fields: Readonly<Record<string, unknown>>): LogRecord {
  const atMs = Date.parse(String(fields["time"] ?? fields["timestamp"]));
  const traceparent = /^\w\w-(\w{32})-/.exec(text(fields["traceparent"]) ?? "");
  return {
    atMs: Number.isNaN(atMs) ? undefined : atMs,
    level: knownLevel(fields["level"]) ?? "info",
    requestId: text(fields["request_id"]),
    traceId: traceparent?.[1] ?? text(fields["trace_id"]),
    fields,
  };
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Its DETAIL, HINT, CONTEXT and STATEMENT belong to the line before. */
const postgresLine =
  /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d\.\d+) UTC \[\d+\] (?:\S+@\S+ )?(DEBUG|LOG|INFO|NOTICE|WARNING|ERROR|FATAL|PANIC)/;

function readPostgres(line: string): LogRecord | undefined {
  const [, date, time, severity = ""] = postgresLine.exec(line) ?? [];
  if (date === undefined) return undefined;
  const isTrouble = ["ERROR", "FATAL", "PANIC"].includes(severity);
  return {
    atMs: Date.parse(`${date}T${time}Z`),
    level: isTrouble ? "error" : (levels[severity.toLowerCase()] ?? "info"),
    requestId: undefined,
    traceId: undefined,
    fields: {},
  };
}
