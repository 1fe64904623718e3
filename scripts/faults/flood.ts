// A service that writes its log as fast as it can, then goes on quietly: how much of the disk that
// takes at most, and whether whoever follows the log is there when it has become quiet.
import { mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { TestScope } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { followLogs, logEnds } from "../../helm/control/log_tail.ts";
import { answering, createManager, service, statusOf } from "../../helm/services/testing.ts";

export interface FloodFigures {
  readonly writtenBytes: number;
  /** Of the log and its copies, at the worst moment that was seen. */
  readonly peakBytes: number;
  readonly followedLines: number;
  /** Lines that say where some are missing. */
  readonly lossNotes: number;
  /** From the writing of the first line that was followed after the flood. */
  readonly behindMs: number;
  readonly restarts: number;
  /** By how much this process, which rotates and follows, has grown at most. */
  readonly grownBytes: number;
}

const lineBytes = 1024;

export async function runFlood(
  scope: TestScope,
  { bytes, maxLogBytes }: { bytes: number; maxLogBytes: number },
): Promise<FloodFigures> {
  const lines = Math.ceil(bytes / lineBytes);
  const program = `${answering}
    const line = "x".repeat(${lineBytes - 1}) + "\\n";
    let left = ${lines};
    const write = () => {
      const count = Math.min(left, 64);
      left -= count;
      process.stdout.write(line.repeat(count), () => left > 0 ? setImmediate(write) : setInterval(() => console.log("quiet " + Date.now()), 50));
    };
    setTimeout(write, 300);`;
  const { manager, logDir } = await createManager(scope, [await service("noisy", program)], {
    maxLogBytes,
  });
  mkdirSync(logDir, { recursive: true });
  const startBytes = process.memoryUsage.rss();
  const figures = { peakBytes: 0, followedLines: 0, lossNotes: 0, behindMs: -1, grownBytes: 0 };
  const stop = new AbortController();
  const following = followLogs(
    logDir,
    logEnds(logDir, ["noisy"]),
    (_name, text) => {
      figures.followedLines++;
      if (text.startsWith("{")) figures.lossNotes++;
      const quiet = /^quiet (\d+)$/.exec(text);
      if (quiet !== null && figures.behindMs < 0) figures.behindMs = Date.now() - Number(quiet[1]);
    },
    stop.signal,
  );
  await manager.startAll();
  const look = () => {
    figures.peakBytes = Math.max(figures.peakBytes, sizeOf(logDir));
    figures.grownBytes = Math.max(figures.grownBytes, process.memoryUsage.rss() - startBytes);
    return figures.behindMs >= 0;
  };
  await waitFor(look, { timeoutMs: 300_000, what: "a line after the flood" });
  stop.abort();
  await following;
  const { restarts } = await statusOf(manager, "noisy");
  return { writtenBytes: lines * lineBytes, restarts, ...figures };
}

function sizeOf(folder: string): number {
  let bytes = 0;
  for (const file of readdirSync(folder)) {
    bytes += statSync(join(folder, file), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}
