// A process may leave its group (setsid, as daemons do), and then no signal to the group reaches it.
// What a service starts inherits its environment, so a mark in it finds all.
import { readdirSync, readFileSync } from "node:fs";
import { pollUntil } from "./pause.ts";
import { signalProcess } from "./process_group.ts";
import { readProcess } from "./process_table.ts";

const variable = "HIVEMATRIX_RUN";

/** The environment by which what belongs to a start of a service is known. */
export function markOfRun(run: string): Record<string, string> {
  return { [variable]: run };
}

/** Ends what is left of a service's start in other groups than its own: asks them, then kills them. */
export async function endStrays(run: string, graceMs: number): Promise<void> {
  const isGone = async () => (await findStrays(run)).length === 0;
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    const strays = await findStrays(run);
    if (strays.length === 0) return;
    for (const pid of strays) signalProcess(pid, signal);
    if (await pollUntil(isGone, { timeoutMs: graceMs })) return;
  }
}

/** Only Linux shows the environment of others. */
async function findStrays(run: string): Promise<number[]> {
  if (process.platform !== "linux") return [];
  const entry = `${variable}=${run}`;
  const found: number[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name) || !readEnvironment(name).split("\0").includes(entry)) continue;
    if ((await readProcess(Number(name))) !== undefined) found.push(Number(name));
  }
  return found;
}

function readEnvironment(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1");
  } catch {
    return ""; // It has ended, or is somebody else's.
  }
}
