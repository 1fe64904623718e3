import { statSync, watch } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";

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
export function logEnds(logDir: string, names: readonly string[]): Map<string, number> {
  return new Map(
    names.map((name) => {
      const found = statSync(logFile(logDir, name), { throwIfNoEntry: false });
      return [name, found?.size ?? 0];
    }),
  );
}

/** Where a log is. @throws {Error} for a name that would lead out of the folder */
export function logFile(logDir: string, name: string): string {
  if (!/^[a-z0-9_-]+$/.test(name)) throw new Error(`"${name}" is no name of a service`);
  return join(logDir, `${name}.log`);
}

/**
 * Calls `onLine` for every line that a service writes after the given end of its log, until the
 * signal. Bounded in memory: what was written is read in pieces, and a rotated log from its new
 * beginning.
 */
export async function followLogs(
  logDir: string,
  ends: ReadonlyMap<string, number>,
  onLine: (name: string, line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(logDir, { recursive: true, mode: 0o700 });
  const followers = [...ends].map(([name, end]) =>
    createFollower(logFile(logDir, name), end, (line) => onLine(name, line)),
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
  await new Promise<void>((resolve) => {
    if (signal.aborted) return resolve();
    const watcher = watch(logDir, () => void read());
    signal.addEventListener("abort", () => {
      watcher.close();
      resolve();
    });
    void read();
  });
}

interface Follower {
  readNew(): Promise<void>;
}

function createFollower(file: string, end: number, onLine: (line: string) => void): Follower {
  let offset = end;
  let rest = "";
  const decoder = new TextDecoder();
  return {
    async readNew() {
      const log = await open(file).catch(() => undefined);
      if (log === undefined) return;
      try {
        // Rotation empties the file, so what is in it now is new.
        if ((await log.stat()).size < offset) offset = 0;
        for (;;) {
          const { buffer, bytesRead } = await log.read(Buffer.alloc(chunkBytes), 0, null, offset);
          if (bytesRead === 0) return;
          offset += bytesRead;
          const text = rest + decoder.decode(buffer.subarray(0, bytesRead), { stream: true });
          const lines = text.split("\n");
          // What a service writes without ever ending its line is cut, whatever it costs to read.
          rest = (lines.pop() ?? "").slice(0, chunkBytes);
          for (const line of lines) onLine(line);
        }
      } finally {
        await log.close();
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
