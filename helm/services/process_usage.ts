import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { type ProcessEntry, readProcesses } from "./process_table.ts";

export interface ProcessUsage {
  readonly processes: number;
  readonly memoryBytes: number;
  readonly cpuPercent: number;
  /** Since it was first measured, with what it had used by then; never less than before. */
  readonly cpuSeconds: number;
}

interface Measured {
  readonly at: number;
  readonly cpuPercent: number;
  readonly cpuSeconds: number;
  /** What each process had used; by pid and start time. */
  readonly used: ReadonlyMap<string, number>;
}

/** Measures what services use; remembers the last figures, because a load is a difference in time. */
export class UsageMeter {
  readonly #former = new Map<number, Measured>();

  /**
   * @param services pid and age of each service's main process
   * @returns by pid; the first load is the average over the process's life
   */
  async measure(
    services: readonly { pid: number; uptimeSeconds: number }[],
  ): Promise<Map<number, ProcessUsage>> {
    const processes = services.length === 0 ? [] : await readProcesses();
    for (const pid of this.#former.keys()) {
      if (!services.some((service) => service.pid === pid)) this.#former.delete(pid);
    }
    const usages = new Map<number, ProcessUsage>();
    for (const { pid, uptimeSeconds } of services) {
      const family = familyOf(pid, processes);
      if (family.length === 0) continue;
      const { cpuPercent, cpuSeconds } = this.#load(pid, family, uptimeSeconds);
      usages.set(pid, {
        processes: family.length,
        memoryBytes: await readMemory(family.map((member) => member.pid)),
        cpuPercent,
        cpuSeconds,
      });
    }
    return usages;
  }

  #load(pid: number, family: readonly ProcessEntry[], uptimeSeconds: number): Measured {
    const at = performance.now();
    const former = this.#former.get(pid);
    const passedSeconds = former === undefined ? uptimeSeconds : (at - former.at) / 1000;
    // The kernel counts in steps of 10 ms: over a shorter time the figure would jump about.
    if (former !== undefined && passedSeconds < 0.5) return former;
    const used = new Map<string, number>();
    let usedSeconds = 0;
    // Each by itself: what a child has used goes with it when it ends.
    for (const { pid: member, startTime, cpuSeconds } of family) {
      const key = `${member} ${startTime}`;
      used.set(key, cpuSeconds);
      usedSeconds += Math.max(0, cpuSeconds - (former?.used.get(key) ?? 0));
    }
    const cpuPercent = Math.round((usedSeconds / Math.max(passedSeconds, 0.1)) * 1000) / 10;
    const cpuSeconds = (former?.cpuSeconds ?? 0) + usedSeconds;
    const measured = { at, cpuPercent, cpuSeconds, used };
    this.#former.set(pid, measured);
    return measured;
  }
}

/** The main process first, then its group and all descendants (PostgreSQL's leave the group). */
export function familyOf(pid: number, processes: readonly ProcessEntry[]): ProcessEntry[] {
  const family = processes.filter((entry) => entry.pid === pid);
  if (family.length === 0) return [];
  const isMember = new Set([pid]);
  for (let hasGrown = true; hasGrown; ) {
    hasGrown = false;
    for (const entry of processes) {
      if (isMember.has(entry.pid)) continue;
      if (entry.groupId !== pid && !isMember.has(entry.parentPid)) continue;
      isMember.add(entry.pid);
      family.push(entry);
      hasGrown = true;
    }
  }
  return family;
}

/** Resident memory; of every process but the first only what it shares with nobody. */
async function readMemory(pids: readonly number[]): Promise<number> {
  if (process.platform !== "linux") return readMemoryWithPs(pids);
  let kilobytes = 0;
  for (const [index, pid] of pids.entries()) {
    try {
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      const field = index === 0 ? /^VmRSS:\s+(\d+)/m : /^RssAnon:\s+(\d+)/m;
      kilobytes += Number(field.exec(status)?.[1] ?? 0);
    } catch {
      // It ended meanwhile.
    }
  }
  return kilobytes * 1024;
}

async function readMemoryWithPs(pids: readonly number[]): Promise<number> {
  const run = promisify(execFile);
  const { stdout } = await run("ps", ["-o", "rss=", "-p", pids.join(",")]).catch(() => ({
    stdout: "",
  }));
  return stdout.split("\n").reduce((sum, line) => sum + Number(line.trim() || 0), 0) * 1024;
}
