import { severity } from "@hivematrix/lib/log";
import { type LineBefore, readShownLine } from "./shown_line.ts";

/** A line as a row of log_lines. */
export interface StoredLine {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly service: string;
  readonly level: number;
  readonly requestId: string | null;
  readonly traceId: string | null;
  readonly userId: string | null;
  readonly search: string;
  readonly line: string;
}

/** A clock that is this much ahead would keep a line on top of all others for as long. */
const maxAheadMs = 60 * 60 * 1000;
/** Before this there was no log; a line that says so does not know the time. */
const leastMs = Date.UTC(2000, 0);

/** Makes rows of one service's lines, in their order. */
export class LineReader {
  readonly #service: string;
  #before: LineBefore | undefined;

  constructor(service: string) {
    this.#service = service;
  }

  /** The next lines have been written at another time than those before. */
  startOver(): void {
    this.#before = undefined;
  }

  /** @param nowMs about when it was written, for a line that does not say so */
  read(bytes: Buffer, nowMs: number): StoredLine {
    // PostgreSQL's text has no NUL; what is no UTF-8 becomes the same sign.
    const line = bytes.toString("utf8").replaceAll("\0", "\ufffd");
    const shown = readShownLine(this.#service, line, { before: this.#before, nowMs });
    const isSane = shown.atMs >= leastMs && shown.atMs <= nowMs + maxAheadMs;
    const atMs = isSane ? Math.round(shown.atMs) : nowMs;
    this.#before = { ...shown, atMs };
    return {
      atMs,
      service: this.#service,
      level: severity[shown.level],
      requestId: shown.requestId ?? null,
      traceId: shown.traceId ?? null,
      userId: shown.user ?? null,
      search: shown.text.toLowerCase(),
      line,
    };
  }
}
