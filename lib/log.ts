// One JSON object a line on standard output, which the supervisor keeps and searches.
import { formatLine } from "./log_line.ts";

/** How much a line matters; `LOG_LEVEL` names the least that is written. */
export type LogLevel = "debug" | "info" | "warn" | "error";

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The same log with fields that every line of it carries. */
  child(fields: LogFields): Log;
}

export type LogFields = Readonly<Record<string, unknown>>;

const severity: Readonly<Record<LogLevel, number>> = { debug: 10, info: 20, warn: 30, error: 40 };

/** Python's names of levels (contract §6) that differ from ours. */
const pythonLevels: Readonly<Record<string, LogLevel>> = Object.assign(Object.create(null), {
  warning: "warn",
  critical: "error",
});

/** A service's log. Levels below `level` (default: `LOG_LEVEL`, else info) are not written. */
export function createLog(
  service: string,
  options: { level?: string; write?: (line: string) => void } = {},
): Log {
  const least = severity[readLevel(options.level ?? process.env["LOG_LEVEL"])];
  const write = options.write ?? writeToStandardOutput;
  return logWith({ service }, least, write);
}

/**
 * Turns whatever nobody caught into one readable line and exit status 1, so that the supervisor can
 * show the reason. Call it first in an entry.
 */
export function exitOnFailure(log: Log): void {
  const fail = (error: unknown) => {
    log.error(messageOf(error), isExpected(error) ? {} : { error });
    process.exit(1);
  };
  process.on("uncaughtException", fail);
  process.on("unhandledRejection", fail);
}

function logWith(fixed: LogFields, least: number, write: (line: string) => void): Log {
  const at = (level: LogLevel) => (message: string, fields?: LogFields) => {
    if (severity[level] < least) return;
    const { service, ...others } = fixed;
    const head = { time: new Date(), level, service, message };
    // The head comes twice: its place is first, and no field takes it over.
    write(formatLine(head, { ...head, ...others, ...fields, ...head }));
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (fields) => logWith({ ...fixed, ...fields }, least, write),
  };
}

let isGuarded = false;

function writeToStandardOutput(line: string): void {
  if (!isGuarded) {
    isGuarded = true;
    // Whoever read this may be gone, a killed supervisor for one. Serving goes on all the same.
    process.stdout.on("error", () => {});
  }
  process.stdout.write(line);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** An error made for people to read (a missing setting, a taken port) needs no stack trace. */
function isExpected(error: unknown): boolean {
  return error instanceof Error && "isExpected" in error && error.isExpected === true;
}

function readLevel(text = "info"): LogLevel {
  const name = text.toLowerCase();
  const level = pythonLevels[name] ?? name;
  return Object.hasOwn(severity, level) ? (level as LogLevel) : "info";
}
