// Which lines somebody asks for, in the query of an address: the page's form, its JSON twin and its
// stream read it alike.
import { HttpError } from "@hivematrix/lib/http_error";
import { type LogLevel, severity } from "@hivematrix/lib/log";
import { readMoment } from "../commands/time_argument.ts";
import type { LogFilter } from "../control/log_filter.ts";
import { type Cursor, readCursor } from "./log_cursor.ts";

export interface LogQuery extends LogFilter {
  /** None: all of them. */
  readonly services: readonly string[];
  /** Not later than; milliseconds since 1970. */
  readonly untilMs?: number | undefined;
  readonly cursor?: Cursor | undefined;
  readonly count: number;
}

/** Fewer characters would mean many requests. */
export const requestPattern = /^[\w.-]{6,128}$/;

const defaultCount = 100;
const maxCount = 1000;

/**
 * `?q=&level=&service=&since=&until=&request=&before=&after=&n=`; what is empty does not matter.
 *
 * @throws {HttpError} 400 naming the parameter
 */
export function readLogQuery(params: URLSearchParams): LogQuery {
  return {
    services: [...new Set(params.getAll("service").filter((name) => name !== ""))].map((name) =>
      require("service", name, isName(name), "the name of a service"),
    ),
    text: readText(params.get("q")),
    level: readLevel(params.get("level")),
    sinceMs: readTime("since", params.get("since")),
    untilMs: readTime("until", params.get("until")),
    request: readRequest(params.get("request")),
    cursor: readCursor(params),
    count: readCount(params.get("n")),
  };
}

function require<T>(name: string, value: T, isRight: boolean, expected: string): T {
  if (isRight) return value;
  throw new HttpError(400, `Cannot search the logs: ${name} has to be ${expected}`);
}

function isName(name: string): boolean {
  return /^[a-z0-9_-]{1,64}$/.test(name);
}

function readText(text: string | null): string | undefined {
  if (text === null || text.trim() === "") return undefined;
  return require("q", text, text.length <= 500, "of at most 500 characters");
}

function readLevel(text: string | null): LogLevel | undefined {
  if (text === null || text === "") return undefined;
  return require("level", text as LogLevel, Object.hasOwn(
    severity,
    text,
  ), "debug, info, warn or error");
}

/** As `<input type="datetime-local">` sends it, which is meant as UTC here, or as `helm logs` takes it. */
function readTime(name: string, text: string | null): number | undefined {
  if (text === null || text === "") return undefined;
  try {
    return readMoment(name, text);
  } catch (error) {
    throw new HttpError(400, `Cannot search the logs: ${(error as Error).message}`);
  }
}

function readRequest(text: string | null): string | undefined {
  const id = text?.trim() ?? "";
  if (id === "") return undefined;
  return require("request", id, /^[\w.-]{6,128}$/.test(
    id,
  ), "at least the first 6 characters of an ID");
}

function readCount(text: string | null): number {
  if (text === null || text === "") return defaultCount;
  const count = Number(text);
  const isRight = Number.isInteger(count) && count >= 1 && count <= maxCount;
  return require("n", count, isRight, `a whole number from 1 to ${maxCount}`);
}
