import {
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

/**
 * Keeps every `*.log` of a folder bounded: one that has grown beyond `maxBytes` is copied to `.1` and
 * emptied. Services write to the file itself, so that they need no Helm; therefore it is emptied in
 * place instead of renamed, and what is written in the instant between copy and emptying is lost.
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
  try {
    const size = fstatSync(log).size;
    // All at once, without giving way to other work: the shorter it takes, the less is lost.
    const start = Math.max(0, size - maxBytes);
    // What comes while it is copied is copied too, unless it comes faster than that.
    copyRange(log, `${copy}.new`, start, size + maxBytes / 4);
    ftruncateSync(log, 0);
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
}

/** Piece by piece: a whole log at once would stay in Helm's memory for long. */
function copyRange(from: number, file: string, start: number, end: number): void {
  const to = openSync(file, "w", 0o600);
  try {
    for (let offset = start; offset < end; ) {
      const bytesRead = readSync(from, piece, 0, Math.min(piece.length, end - offset), offset);
      if (bytesRead === 0) return;
      writeFileSync(to, piece.subarray(0, bytesRead));
      offset += bytesRead;
    }
  } finally {
    closeSync(to);
  }
}

const piece = Buffer.allocUnsafeSlow(256 * 1024);

async function listLogs(logDir: string): Promise<string[]> {
  const files = await readdir(logDir).catch(() => []);
  return files.filter((file) => file.endsWith(".log")).map((file) => path.join(logDir, file));
}
