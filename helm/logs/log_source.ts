// Reads a service's log file onwards from a position that outlives Helm, whatever rotation does
// meanwhile. All of it without giving way: rotation happens in this process, so not in between.
import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";

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

/**
 * What was written after a position, at most about 96 KB of it. The lines hold until the next call, of
 * whatever log: they are parts of the same memory.
 */
export function readChunk(file: string, position: LogPosition): LogChunk {
  const copyId = identify(`${file}.1`);
  // A copy that somebody has removed says nothing about the log.
  if (copyId !== "" && copyId !== position.copyId) return readCopy(`${file}.1`, position, copyId);
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  // Emptied by somebody else's hand.
  const offset = size < position.offset ? 0 : position.offset;
  const anchor = offset === 0 ? startOfLog.anchor : position.anchor;
  return readFrom(file, { offset, anchor, copyId }, size);
}

/**
 * The rest of what was in the log when it was rotated, then the log from its new beginning. While
 * the copy is read, the position counts within it and still names the copy before.
 */
function readCopy(copy: string, position: LogPosition, copyId: string): LogChunk {
  const size = statSync(copy, { throwIfNoEntry: false })?.size ?? 0;
  const found = findAnchor(copy, position.anchor, size);
  const hasLost = found === undefined && position.offset > 0;
  const offset = found ?? 0;
  const chunk = readFrom(copy, { ...position, offset }, size);
  if (chunk.hasMore) return { ...chunk, hasLost };
  // A copy ends where the log was emptied, so what has no line's end is a line all the same.
  const before = chunk.lines.map((line) => Buffer.from(line));
  const rest = readRange(copy, chunk.position.offset, size);
  const lines = rest.length > 0 ? [...before, rest.subarray(0, maxLineBytes)] : before;
  return { lines, position: { ...startOfLog, copyId }, hasLost, hasMore: true };
}

function readFrom(file: string, from: LogPosition, size: number): LogChunk {
  const bytes = readRange(file, from.offset, Math.min(size, from.offset + chunkBytes));
  const end = endOfWholeLines(bytes);
  const lines = splitLines(bytes.subarray(0, end));
  const anchor = Buffer.concat([from.anchor, bytes.subarray(0, end)]).subarray(-anchorBytes);
  const position = { offset: from.offset + end, anchor: Buffer.from(anchor), copyId: from.copyId };
  return { lines, position, hasLost: false, hasMore: end > 0 && position.offset < size };
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
function findAnchor(file: string, anchor: Buffer, size: number): number | undefined {
  if (anchor.length === 0) return undefined;
  for (let end = size; end > 0; end -= chunkBytes) {
    const start = Math.max(0, end - chunkBytes);
    // Into the piece after this one, as an anchor may lie across.
    const bytes = readRange(file, start, Math.min(size, end + anchor.length));
    const place = bytes.lastIndexOf(anchor);
    if (place !== -1) return start + place + anchor.length;
  }
  return undefined;
}

const shared = Buffer.alloc(chunkBytes + anchorBytes);

function readRange(file: string, start: number, end: number): Buffer {
  if (end <= start) return Buffer.alloc(0);
  const descriptor = openSync(file, "r");
  try {
    const length = Math.min(end, fstatSync(descriptor).size) - start;
    const bytes = length <= shared.length ? shared : Buffer.allocUnsafe(length);
    return bytes.subarray(0, readSync(descriptor, bytes, 0, Math.max(0, length), start));
  } finally {
    closeSync(descriptor);
  }
}

function identify(copy: string): string {
  const found = statSync(copy, { throwIfNoEntry: false });
  return found === undefined ? "" : `${found.ino}-${Math.round(found.mtimeMs)}-${found.size}`;
}
