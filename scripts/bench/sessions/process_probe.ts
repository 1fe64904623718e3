// Preloaded into each measured process: answers what only the process itself can tell exactly.
// The time of a core is counted over all of its threads.
import { setTimeout as sleep } from "node:timers/promises";

export type Question = "cpu" | "memory";

export interface CpuAnswer {
  readonly microseconds: number;
}

export interface MemoryAnswer {
  /** What is alive on the heap and beside it. */
  readonly liveBytes: number;
  readonly residentBytes: number;
  /** TCP connections that are open, to both sides. */
  readonly openSockets: number;
}

process.on("message", async (question: Question) => {
  process.send?.(question === "cpu" ? readCpu() : await readMemory());
});
// Asking alone is no reason to stay.
process.channel?.unref();

function readCpu(): CpuAnswer {
  const { user, system } = process.cpuUsage();
  return { microseconds: user + system };
}

async function readMemory(): Promise<MemoryAnswer> {
  // What one collection lets go of may hold something itself, until the event loop has turned.
  for (let round = 0; round < 4; round++) {
    globalThis.gc?.();
    await sleep(50);
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  const openSockets = process
    .getActiveResourcesInfo()
    .filter((kind) => kind === "TCPSocketWrap").length;
  return { liveBytes: heapUsed + external, residentBytes: rss, openSockets };
}
