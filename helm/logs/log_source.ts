// Reads a service's log file onwards from a position that outlives Helm, whatever rotation does
// meanwhile. All of it without giving way, so that in the process that rotates nothing comes between.
import { closeSync, fstatSync, openSync, readSync, type Stats, statSync } from "node:fs";

/** How far a log has been read. */
export interface LogPosition {
  /** Bytes of the file. */
  readonly offset: number;
  /** The last bytes before it, by which the place is found again in what rotation has copied. */
  readonly anchor: Buffer;
  /** Which copy rotation had made last. */
  readonly copyId: string;
}

export interface LogChunk {
  /** Whole lines, without their ends. */
  readonly lines: readonly Buffer[];
  /** After these lines. */
  readonly position: LogPosition;
  /** Whether rotation has taken lines away before they were read. */
  readonly hasLost: boolean;
  /**
   * Whether the log was emptied, and no copy of what was in it is there: not yet, where another process
   * rotates, or never, where somebody did it by hand.
   */
  readonly isAnew: boolean;
  /** Whether there is more to be read at once. */
  readonly hasMore: boolean;
}

/**
 * Bounds what reading costs in memory: some 300 lines at a time leave nothing but young garbage. A line
 * that is longer than the least of these is cut.
 */
const chunkBytes = 96 * 1024;
const maxLineBytes = 64 * 1024;
/** Two lines may begin alike; that the last two or three are the same is a loop's doing. */
const anchorBytes = 1024;

export const startOfLog: LogPosition = { offset: 0, anchor: Buffer.alloc(0), copyId: "" };

/** The position after all that is in a log now. */
export function endPosition(file: string): LogPosition {
  const copy = statSync(`${file}.1`, { throwIfNoEntry: false });
  const copyId = copy === undefined ? "" : identify(copy);
  const end = withFile(file, (log) => ({
    offset: log.size,
    anchor: Buffer.from(readRange(log, Math.max(0, log.size - anchorBytes), log.size)),
    copyId,
  }));
  return end ?? { ...startOfLog, copyId };
}

/**
 * What was written after a position, at most about 96 KB of it. The lines hold until the next call, of
 * whatever log: they are parts of the same memory.
 */
export function readChunk(file: string, position: LogPosition): LogChunk {
  const older = withFile(`${file}.1`, (copy) =>
    copy.id === position.copyId ? undefined : readCopy(copy, position),
  );
  return older ?? withFile(file, (log) => readLog(log, position)) ?? nothingNew(position);
}

/**
 * The rest of what was in the log when it was rotated, then the log from its new beginning. While
 * the copy is read, the position counts within it and still names the copy before.
 */
function readCopy(copy: OpenLog, position: LogPosition): LogChunk {
  const found = findAnchor(copy, position.anchor);
  const hasLost = found === undefined && position.offset > 0;
  const chunk = readFrom(copy, { ...position, offset: found ?? 0 });
  if (chunk.hasMore) return { ...chunk, hasLost };
  // A copy ends where the log was emptied, so what has no line's end is a line all the same.
  const before = chunk.lines.map((line) => Buffer.from(line));
  const rest = readRange(copy, chunk.position.offset, copy.size);
  const lines = rest.length > 0 ? [...before, rest.subarray(0, maxLineBytes)] : before;
  const anew = { ...startOfLog, copyId: copy.id };
  return { lines, position: anew, hasLost, isAnew: false, hasMore: true };
}

function readLog(log: OpenLog, position: LogPosition): LogChunk {
  const { offset, anchor, copyId } = position;
  const before = readRange(log, offset - anchor.length, offset);
  if (before.equals(anchor)) return readFrom(log, position);
  return { ...readFrom(log, { ...startOfLog, copyId }), isAnew: true };
}

function readFrom(log: OpenLog, from: LogPosition): LogChunk {
  const bytes = readRange(log, from.offset, Math.min(log.size, from.offset + chunkBytes));
  const end = endOfWholeLines(bytes);
  const lines = splitLines(bytes.subarray(0, end));
  const anchor = Buffer.concat([from.anchor, bytes.subarray(0, end)]).subarray(-anchorBytes);
  const position = { offset: from.offset + end, anchor: Buffer.from(anchor), copyId: from.copyId };
  const hasMore = end > 0 && position.offset < log.size;
  return { lines, position, hasLost: false, isAnew: false, hasMore };
}

function nothingNew({ offset, copyId }: LogPosition): LogChunk {
  const position = { ...startOfLog, copyId };
  return { lines: [], position, hasLost: false, isAnew: offset > 0, hasMore: false };
}

/** A chunk without any line's end is cut: nothing that a service writes may be kept whole at any cost. */
function endOfWholeLines(bytes: Buffer): number {
  const end = bytes.lastIndexOf(0x0a) + 1;
  return end === 0 && bytes.length >= chunkBytes ? bytes.length : end;
}

function splitLines(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  let start = 0;
  while (start < bytes.length) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline === -1 ? bytes.length : newline;
    if (end > start) lines.push(bytes.subarray(start, Math.min(end, start + maxLineBytes)));
    start = end + 1;
  }
  return lines;
}

/** @returns where to go on after the anchor; the last place where it stands */
function findAnchor(log: OpenLog, anchor: Buffer): number | undefined {
  if (anchor.length === 0) return undefined;
  for (let end = log.size; end > 0; end -= chunkBytes) {
    const start = Math.max(0, end - chunkBytes);
    // Into the piece after this one, as an anchor may lie across.
    const bytes = readRange(log, start, Math.min(log.size, end + anchor.length));
    const place = bytes.lastIndexOf(anchor);
    if (place !== -1) return start + place + anchor.length;
  }
  return undefined;
}

interface OpenLog {
  readonly descriptor: number;
  readonly size: number;
  /** Which file it is, as a copy. */
  readonly id: string;
}

/** @returns undefined where there is no such file; another process may take it away at any time */
function withFile<T>(file: string, use: (log: OpenLog) => T): T | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(file, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const stats = fstatSync(descriptor);
    return use({ descriptor, size: stats.size, id: identify(stats) });
  } finally {
    closeSync(descriptor);
  }
}

const shared = Buffer.alloc(chunkBytes + anchorBytes);

function readRange({ descriptor }: OpenLog, start: number, end: number): Buffer {
  const length = Math.max(0, end - start);
  const bytes = length <= shared.length ? shared : Buffer.allocUnsafe(length);
  return bytes.subarray(0, readSync(descriptor, bytes, 0, length, start));
}

function identify(copy: Stats): string {
  return `${copy.ino}-${Math.round(copy.mtimeMs)}-${copy.size}`;
}
