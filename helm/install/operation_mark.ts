// Children of an operation carry its mark in their environment. A Helm that was killed has told
// nobody which processes it had started, and a script may start more that leave the group.
import { readFileSync } from "node:fs";
import type { Checkout } from "../config/checkout.ts";
import { pollUntil } from "../services/pause.ts";
import { signalProcess } from "../services/process_group.ts";
import { readProcesses } from "../services/process_table.ts";
import { markVariable } from "./run_command.ts";

export function operationMark(checkout: Checkout, app: string): string {
  return `${checkout.root}:${app}`;
}

/** Kills every process that an operation on this app has left; returns when they are gone. */
export async function endMarked(checkout: Checkout, app: string): Promise<void> {
  const mark = operationMark(checkout, app);
  const isEmpty = async () => {
    // Again and again: what is being killed may be starting another one.
    const found = await findMarked(mark);
    for (const pid of found) signalProcess(pid, "SIGKILL");
    return found.length === 0;
  };
  await pollUntil(isEmpty, { timeoutMs: 30_000 });
}

/** The processes that carry a mark. Other systems than Linux show no environments. */
export async function findMarked(mark: string): Promise<number[]> {
  if (process.platform !== "linux") return [];
  const wanted = `${markVariable}=${mark}`;
  return (await readProcesses())
    .map(({ pid }) => pid)
    .filter((pid) => pid !== process.pid && readEnvironment(pid).includes(wanted));
}

function readEnvironment(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0");
  } catch {
    return []; // It ended, or is somebody else's.
  }
}
