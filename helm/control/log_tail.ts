import { type FSWatcher, watch } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn, setTimeout as pause } from "node:timers/promises";
import { formatNote } from "../logs/log_note.ts";
import { endPosition, type LogPosition, readChunk } from "../logs/log_source.ts";

/** Enough for the longest line that a service should write. */
const chunkBytes = 64 * 1024;

/**
 * The last lines that a service wrote, oldest first, also those that rotation moved to `.log.1`.
 *
 * @param name a service's; nothing when it has written nothing
 * @param end what was written beyond this offset does not count
 */
export async function readLastLines(
  logDir: string,
  name: string,
  count: number,
  end: number = Number.POSITIVE_INFINITY,
): Promise<string[]> {
  const file = logFile(logDir, name);
  const lines = await readEnd(file, count, end);
  if (lines.length >= count) return lines;
  const older = await readEnd(`${file}.1`, count - lines.length, Number.POSITIVE_INFINITY);
  return [...older, ...lines];
}

/** Where the logs of the services end now, for `readLastLines` and `followLogs` to meet there. */
export function logEnds(logDir: string, names: readonly string[]): Map<string, LogPosition> {
  return new Map(names.map((name) => [name, endPosition(logFile(logDir, name))]));
}

/** Where a log is. @throws {Error} for a name that would lead out of the folder */
export function logFile(logDir: string, name: string): string {
  if (!/^[a-z0-9_-]+$/.test(name)) throw new Error(`"${name}" is no name of a service`);
  return join(logDir, `${name}.log`);
}

/**
 * Calls `onLine` for every line that a service writes after the given end of its log, until the
 * signal; also for those that rotation has moved to `.log.1` before they were read. Where it took
 * some away for good, a line of the level warn says so. Bounded in memory: all is read in pieces.
 *
 * @throws {Error} for a log that cannot be read
 */
export async function followLogs(
  logDir: string,
  ends: ReadonlyMap<string, LogPosition>,
  onLine: (name: string, line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(logDir, { recursive: true, mode: 0o700 });
  const followers = [...ends].map(([name, end]) =>
    createFollower(logFile(logDir, name), end, {
      onLine: (line) => onLine(name, line),
      onLoss: () => onLine(name, formatNote(name, lossMessage).trimEnd()),
    }),
  );
  // One read at a time; a change during it makes for another one.
  let isReading = false;
  let hasChanged = false;
  const read = async () => {
    hasChanged = true;
    if (isReading) return;
    isReading = true;
    while (hasChanged) {
      hasChanged = false;
      for (const follower of followers) await follower.readNew();
    }
    isReading = false;
  };
  if (signal.aborted) return;
  let watcher: FSWatcher | undefined;
  await new Promise<void>((resolve, reject) => {
    watcher = watch(logDir, () => void read().catch(reject));
    signal.addEventListener("abort", () => resolve());
    read().catch(reject);
  }).finally(() => watcher?.close());
}

interface Follower {
  readNew(): Promise<void>;
}

const lossMessage = "lines were rotated away before they could be read";
/** Longer than another process takes from emptying a log to giving its copy the name. */
const maxPauses = 50;
const pauseMs = 10;

function createFollower(
  file: string,
  end: LogPosition,
  { onLine, onLoss }: { onLine: (line: string) => void; onLoss: () => void },
): Follower {
  let position = end;
  return {
    async readNew() {
      let pauses = 0;
      for (;;) {
        const chunk = readChunk(file, position);
        if (chunk.isAnew && pauses++ < maxPauses) {
          await pause(pauseMs);
          continue;
        }
        if (chunk.hasLost) onLoss();
        for (const line of chunk.lines) onLine(line.toString("utf8"));
        position = chunk.position;
        if (!chunk.hasMore) return;
        // Between two pieces others have their turn.
        await nextTurn();
      }
    },
  };
}

async function readEnd(file: string, count: number, end: number): Promise<string[]> {
  const log = await open(file).catch(() => undefined);
  if (log === undefined || count <= 0) {
    await log?.close();
    return [];
  }
  try {
    let start = Math.min(end, (await log.stat()).size);
    let parts: Buffer[] = [];
    let newlines = 0;
    while (start > 0 && newlines <= count) {
      const length = Math.min(chunkBytes, start);
      start -= length;
      const { buffer } = await log.read(Buffer.alloc(length), 0, length, start);
      newlines += buffer.filter((byte) => byte === 0x0a).length;
      parts = [buffer, ...parts];
    }
    const lines = Buffer.concat(parts).toString("utf8").split("\n");
    if (lines.at(-1) === "") lines.pop();
    return lines.slice(-count);
  } finally {
    await log.close();
  }
}
