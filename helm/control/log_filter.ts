import { type LogLevel, severity } from "@hivematrix/lib/log";
import { formatLogLine } from "./log_line.ts";
import { type LogRecord, readLogRecord } from "./log_record.ts";

/** Which lines are wanted; what is left out does not matter. */
export interface LogFilter {
  /** The least. */
  readonly level?: LogLevel | undefined;
  /** Milliseconds since 1970. */
  readonly sinceMs?: number | undefined;
  /** A part of the line, as it was written or as it is shown; upper and lower case are the same. */
  readonly text?: string | undefined;
  /** The beginning of a request's id or of its trace's. */
  readonly request?: string | undefined;
}

/**
 * A judge of one service's lines, in their order: a line that goes on with the one before it is
 * wanted when that one is.
 */
export function createLogFilter(filter: LogFilter) {
  const { level, sinceMs, text, request } = filter;
  const wanted = text?.toLowerCase();
  const accepts = (record: LogRecord, line: string): boolean => {
    if (level !== undefined && severity[record.level] < severity[level]) return false;
    if (sinceMs !== undefined && (record.atMs ?? Number.POSITIVE_INFINITY) < sinceMs) return false;
    if (request !== undefined && !isOfRequest(record, request)) return false;
    return wanted === undefined || contains(line, wanted);
  };
  let wasAccepted = isEmptyFilter(filter);
  return (line: string, record = readLogRecord(line)): boolean => {
    if (record !== undefined) wasAccepted = accepts(record, line);
    return wasAccepted;
  };
}

export function isOfRequest({ requestId, traceId }: LogRecord, wanted: string): boolean {
  return requestId?.startsWith(wanted) === true || traceId?.startsWith(wanted) === true;
}

function contains(line: string, wanted: string): boolean {
  return line.toLowerCase().includes(wanted) || formatLogLine(line).toLowerCase().includes(wanted);
}

/** Whether every line is wanted. */
export function isEmptyFilter(filter: LogFilter): boolean {
  return Object.values(filter).every((value) => value === undefined);
}
