// One JSON object a line on standard output, which the supervisor keeps and searches.

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

/** A service's log. Levels below `level` (default: `LOG_LEVEL`, else info) are not written. */
export function createLog(
  service: string,
  options: { level?: string; write?: (line: string) => void } = {},
): Log {
  const least = severity[readLevel(options.level ?? process.env["LOG_LEVEL"])];
  const write = options.write ?? ((line: string) => process.stdout.write(line));
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
    const line = { time: new Date(), level, service, message, ...others, ...fields };
    // JSON escapes CR, LF and ESC, so no value can forge a line or drive a terminal.
    write(`${JSON.stringify(line, plainErrors)}\n`);
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (fields) => logWith({ ...fixed, ...fields }, least, write),
  };
}

function plainErrors(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (!(value instanceof Error)) return value;
  const { code } = value as NodeJS.ErrnoException;
  return {
    name: value.name,
    message: value.message,
    ...(code === undefined ? {} : { code }),
    stack: value.stack,
    ...(value.cause === undefined ? {} : { cause: value.cause }),
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** An error made for people to read (a missing setting, a taken port) needs no stack trace. */
function isExpected(error: unknown): boolean {
  return error instanceof Error && "isExpected" in error && error.isExpected === true;
}

function readLevel(text = "info"): LogLevel {
  const level = text.toLowerCase();
  return level in severity ? (level as LogLevel) : "info";
}
