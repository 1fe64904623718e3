// One JSON object a line on standard output, which the supervisor keeps and searches.
import { fstatSync, writeFileSync } from "node:fs";
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

/** The more it matters, the higher. */
export const severity: Readonly<Record<LogLevel, number>> = {
  debug: 10,
  info: 20,
  warn: 30,
  error: 40,
};

/** Python's names of levels (contract §6) that differ from ours. */
const pythonLevels: Readonly<Record<string, LogLevel>> = Object.assign(Object.create(null), {
  warning: "warn",
  critical: "error",
});

/** A service's log. Levels below `level` (default: `LOG_LEVEL`, else info) are not written. */
export function createLog(
  service: string,
  options: { level?: string; write?: (line: string, level: LogLevel) => void } = {},
): Log {
  const least = severity[readLevel(options.level ?? process.env["LOG_LEVEL"])];
  const write = options.write ?? writeToStandardOutput;
  return new ServiceLog({ service, least, write }, {});
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

/** Where lines go, and which. */
interface Sink {
  readonly service: string;
  readonly least: number;
  write(line: string, level: LogLevel): void;
}

class ServiceLog implements Log {
  readonly #sink: Sink;
  readonly #fixed: LogFields;

  constructor(sink: Sink, fixed: LogFields) {
    this.#sink = sink;
    this.#fixed = fixed;
  }

  debug(message: string, fields?: LogFields): void {
    this.#write("debug", message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#write("info", message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#write("warn", message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#write("error", message, fields);
  }

  child(fields: LogFields): Log {
    return new ServiceLog(this.#sink, { ...this.#fixed, ...fields });
  }

  #write(level: LogLevel, message: string, fields: LogFields | undefined): void {
    const { service, least } = this.#sink;
    if (severity[level] < least) return;
    const head = { time: formatTime(Date.now()), level, service, message };
    this.#sink.write(formatLine(head, this.#fixed, fields ?? {}), level);
  }
}

const lastTime = { ms: 0, text: "" };

/** Of many lines in one millisecond only the first needs the calendar. */
function formatTime(ms: number): string {
  if (ms !== lastTime.ms) {
    lastTime.ms = ms;
    lastTime.text = new Date(ms).toISOString();
  }
  return lastTime.text;
}

let pending = "";

/** Nobody who follows a log notices it. */
const gatherMs = 20;
/** Lines are not gathered beyond this many characters. */
const maxPending = 65_536;

/**
 * A busy service writes a line a request, and a system call for each would cost more than the line.
 * So lines are gathered for a moment and go out together; what tells of trouble does not wait.
 */
export function writeToStandardOutput(line: string, level: LogLevel): void {
  if (pending === "") {
    guardStandardOutput();
    setTimeout(flush, gatherMs);
  }
  pending += line;
  if (severity[level] >= severity.warn || pending.length > maxPending) flush();
}

function flush(): void {
  if (pending === "") return;
  const lines = pending;
  pending = "";
  if (isFile()) appendToFile(lines);
  else process.stdout.write(lines);
}

let isKnownFile: boolean | undefined;

function isFile(): boolean {
  isKnownFile ??= fstatSync(process.stdout.fd).isFile();
  return isKnownFile;
}

/** Node would close standard output for good at the first line for which the disk has no room. */
function appendToFile(lines: string): void {
  try {
    writeFileSync(process.stdout.fd, lines);
  } catch {
    // What cannot be written now is lost; later lines may find room again.
  }
}

let isGuarded = false;

function guardStandardOutput(): void {
  if (isGuarded) return;
  isGuarded = true;
  // Whoever read this may be gone, a killed supervisor for one. Serving goes on all the same.
  process.stdout.on("error", () => {});
  process.once("exit", flush);
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
