// A line of some service's log as pages show it and searches look through it: what is read of it in
// fields of their own, and the rest as one text in which every character can be seen.
import type { LogLevel } from "@hivematrix/lib/log";
import { describeMessage } from "../control/log_line.ts";
import { type LogRecord, readLogRecord } from "../control/log_record.ts";

export interface ShownLine {
  readonly service: string;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly level: LogLevel;
  readonly requestId: string | undefined;
  readonly traceId: string | undefined;
  /** Whoever asked, as the line calls them. */
  readonly user: string | undefined;
  /** `session check failed status=503` */
  readonly text: string;
}

/** What a line that says nothing of itself has from the one that it goes on with. */
export type LineBefore = Pick<ShownLine, "atMs" | "level" | "requestId" | "traceId" | "user">;

/** In columns of their own: in the text they would only make every line look the same. */
const shownElsewhere: ReadonlySet<string> = new Set(["request_id", "trace_id", "sub", "user_id"]);

/** Longer texts are for the line itself, as it was written. */
const maxTextLength = 8000;

/**
 * @param before the line of this service before this one, when there was one lately
 * @param nowMs for a line that does not say when it was written
 */
export function readShownLine(
  service: string,
  line: string,
  { before, nowMs }: { before?: LineBefore | undefined; nowMs: number },
): ShownLine {
  const record = readLogRecord(line);
  if (record === undefined) return readPlainLine(service, line, before, nowMs);
  return {
    service,
    atMs: record.atMs ?? before?.atMs ?? nowMs,
    level: record.level,
    requestId: shortText(record.requestId),
    traceId: shortText(record.traceId),
    user: readUser(record),
    text: showText(isJson(record) ? describeMessage(record.fields, shownElsewhere) : line),
  };
}

/** Everything but printable characters by its number, so that no line hides, moves or forges anything. */
export function showText(text: string): string {
  return text
    .slice(0, maxTextLength)
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu, escapeCharacter);
}

function escapeCharacter(character: string): string {
  if (character === "\n") return "\\n";
  if (character === "\t") return "\\t";
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

function readPlainLine(
  service: string,
  line: string,
  before: LineBefore | undefined,
  nowMs: number,
): ShownLine {
  const level = guessLevel(line);
  // Frames of a stack and PostgreSQL's DETAIL belong to what they explain.
  const isFurther = before !== undefined && (level === undefined || /^\s/.test(line));
  const { requestId, traceId, user } = isFurther ? before : noRequest;
  return {
    service,
    atMs: before?.atMs ?? nowMs,
    level: isFurther ? before.level : (level ?? "info"),
    ...{ requestId, traceId, user },
    text: showText(line),
  };
}

const noRequest = { requestId: undefined, traceId: undefined, user: undefined };

/** By the words that the loggers of Python, Java and others begin a line with, after the time or so. */
function guessLevel(line: string): LogLevel | undefined {
  const [, word = ""] =
    /^(?:[[(]?[\d:,.TZ/ +-]*[\])]?\s*)?(?:[[(])?(TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|SEVERE|CRITICAL|FATAL|PANIC)\b/.exec(
      line,
    ) ?? [];
  if (word === "") return /^(Traceback \(|Uncaught |\w*Error: )/.test(line) ? "error" : undefined;
  if (/^(TRACE|DEBUG)$/.test(word)) return "debug";
  if (/^(INFO|NOTICE)$/.test(word)) return "info";
  return word.startsWith("WARN") ? "warn" : "error";
}

function isJson({ fields }: LogRecord): boolean {
  return "message" in fields;
}

function readUser({ fields }: LogRecord): string | undefined {
  const { user_id, sub, user, by } = fields;
  return shortText([user_id, sub, user, by].find((value) => typeof value === "string"));
}

/** An id is short; what is longer is somebody's attempt to fill an index. */
function shortText(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? showText(value.slice(0, 200)) : undefined;
}
