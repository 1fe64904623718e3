// One request's way through the services, as their logs tell it.
import { isOfRequest } from "./log_filter.ts";
import { type LogRecord, readLogRecord } from "./log_record.ts";
import type { LogLine } from "./log_search.ts";

/** What one service did for the request. */
export interface Span {
  readonly service: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** Milliseconds since 1970. */
  readonly startMs: number;
  readonly durationMs: number;
}

export interface RequestTrace {
  readonly requestId: string;
  readonly traceId: string | undefined;
  /** The one that began first is first. */
  readonly spans: readonly Span[];
  /** Whatever else was logged on the way. */
  readonly notes: readonly LogLine[];
}

/** The requests that the beginning of an id means, in these lines of all services. */
export function findRequests(lines: readonly LogLine[], wanted: string): string[] {
  const meant = linesOfRequest(lines, wanted);
  return [...new Set(meant.map(({ record }) => record.requestId ?? wanted))];
}

/** @param lines of every service, in the order of their times @returns `undefined` without one of it */
export function traceRequest(
  lines: readonly LogLine[],
  requestId: string,
): RequestTrace | undefined {
  const own = linesOfRequest(lines, requestId).map((found) => ({
    ...found,
    span: readSpan(found),
  }));
  const [first] = own;
  if (first === undefined) return undefined;
  const spans = own.flatMap(({ span }) => span ?? []);
  return {
    requestId: first.record.requestId ?? requestId,
    traceId: first.record.traceId,
    // Of two that began at once, the longer one holds the other.
    spans: spans.sort((a, b) => a.startMs - b.startMs || b.durationMs - a.durationMs),
    notes: own.filter(({ span }) => span === undefined).map(({ line }) => line),
  };
}

interface FoundLine {
  readonly line: LogLine;
  readonly record: LogRecord;
}

function linesOfRequest(lines: readonly LogLine[], wanted: string): FoundLine[] {
  return lines.flatMap((line) => {
    const record = readLogRecord(line.line);
    return record !== undefined && isOfRequest(record, wanted) ? [{ line, record }] : [];
  });
}

/** A service logs a request when it has answered it. */
function readSpan({ line: { service, atMs }, record: { fields } }: FoundLine): Span | undefined {
  const { message, method, path, status, duration_ms: durationMs } = fields;
  if (message !== "request" || typeof durationMs !== "number") return undefined;
  return {
    service,
    method: String(method),
    path: String(path),
    status: Number(status),
    startMs: atMs - durationMs,
    durationMs,
  };
}
