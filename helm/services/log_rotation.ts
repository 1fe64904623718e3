import {
  appendFileSync,
  closeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { readdir } from "node:fs/promises";
import path from "node:path";
import type { Log } from "@hivematrix/lib/log";
import { formatNote } from "../logs/log_note.ts";

/**
 * Keeps every `*.log` of a folder bounded: one that has grown beyond `maxBytes` is copied to `.1` and
 * emptied. Services write to the file itself, so that they need no Helm; therefore it is emptied in
 * place instead of renamed, and what is written in the instant between copy and emptying is lost, which
 * a line then says.
 *
 * Looks ten times a second, and fifty times while a log grows fast, because nothing else holds back
 * a service that writes as fast as the disk takes it.
 */
export class LogRotation {
  readonly #logDir: string;
  readonly #maxBytes: number;
  readonly #log: Log;
  readonly #sizes = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: { logDir: string; maxBytes: number; log: Log }) {
    this.#logDir = options.logDir;
    this.#maxBytes = options.maxBytes;
    this.#log = options.log;
    this.#lookAfter(0);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #lookAfter(delayMs: number): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => void this.#look(), delayMs).unref();
  }

  async #look(): Promise<void> {
    let isGrowingFast = false;
    for (const file of await listLogs(this.#logDir)) {
      const bytes = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
      isGrowingFast ||= bytes - (this.#sizes.get(file) ?? bytes) > this.#maxBytes / 20;
      if (bytes > this.#maxBytes) this.#rotate(file);
      this.#sizes.set(file, statSync(file, { throwIfNoEntry: false })?.size ?? 0);
    }
    this.#lookAfter(isGrowingFast ? 20 : 100);
  }

  #rotate(file: string): void {
    try {
      rotateLog(file, this.#maxBytes);
    } catch (error) {
      this.#log.warn(`Cannot rotate ${file}: ${(error as Error).message}`);
    }
  }
}

/**
 * Moves the last `maxBytes` of a log to `<file>.1` and empties the log. On a full disk it is emptied
 * without a copy, and the former copy goes too: nothing else would ever make room again.
 *
 * @throws {Error} when that had to be done
 */
export function rotateLog(file: string, maxBytes: number): void {
  const copy = `${file}.1`;
  const log = openSync(file, "r+");
  let lostBytes: number;
  try {
    lostBytes = moveEnd(log, `${copy}.new`, maxBytes);
  } catch (error) {
    rmSync(`${copy}.new`, { force: true });
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    rmSync(copy, { force: true });
    ftruncateSync(log, 0);
    throw new Error("the disk is full, so it was emptied without a copy", { cause: error });
  } finally {
    closeSync(log);
  }
  renameSync(`${copy}.new`, copy);
  if (lostBytes > 0) noteLoss(file, lostBytes);
}

/**
 * All at once, without giving way to other work: what comes between the last look at the log and its
 * emptying is lost, and nobody knows of it. Therefore in a moment in which nothing is being written,
 * and after a pause, without which the system may just then give the core to somebody else.
 *
 * @returns how much is known to be lost: what came faster than it could be copied
 */
function moveEnd(log: number, file: string, maxBytes: number): number {
  const to = openSync(file, "w", 0o600);
  try {
    const { size } = fstatSync(log);
    const limit = size + Math.ceil(maxBytes / 4);
    let end = copyRange(log, to, Math.max(0, size - maxBytes), limit);
    for (let tries = 0; tries < maxTries; tries++) {
      Atomics.wait(neverWoken, 0, 0, quietMs);
      if (fstatSync(log).size === end || end === limit) break;
      end = copyRange(log, to, end, limit);
    }
    const lostBytes = fstatSync(log).size - end;
    ftruncateSync(log, 0);
    return lostBytes;
  } finally {
    closeSync(to);
  }
}

/**
 * Piece by piece: a whole log at once would stay in Helm's memory for long.
 *
 * @returns the offset up to which it was copied
 */
function copyRange(from: number, to: number, start: number, end: number): number {
  let offset = start;
  while (offset < end) {
    const bytesRead = readSync(from, piece, 0, Math.min(piece.length, end - offset), offset);
    if (bytesRead === 0) break;
    writeFileSync(to, piece.subarray(0, bytesRead));
    offset += bytesRead;
  }
  return offset;
}

/** Those who write all the time are not waited for. */
const maxTries = 20;
const quietMs = 1;
const neverWoken = new Int32Array(new SharedArrayBuffer(4));
const piece = Buffer.allocUnsafeSlow(256 * 1024);

/** Where the loss was: after what is in the copy. The service's own lines may stand before it by now. */
function noteLoss(file: string, lostBytes: number): void {
  const service = path.basename(file, ".log");
  const message = `written faster than it could be kept: ${lostBytes} bytes of the log are missing`;
  appendFileSync(file, formatNote(service, message));
}

async function listLogs(logDir: string): Promise<string[]> {
  const files = await readdir(logDir).catch(() => []);
  return files.filter((file) => file.endsWith(".log")).map((file) => path.join(logDir, file));
}
