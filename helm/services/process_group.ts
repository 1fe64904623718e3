import { pollUntil } from "./pause.ts";
import { readProcesses } from "./process_table.ts";

/**
 * Ends every process of a group whose leader is already gone: asks them, then kills them.
 *
 * The kernel gives a pid to nobody else as long as it is a group's id, so a group that exists
 * without its leader is still the one we started.
 */
export async function endGroup(groupId: number, graceMs: number): Promise<void> {
  if (!signalGroup(groupId, "SIGTERM")) return;
  const isEmpty = async () => !(await hasMembers(groupId));
  if (await pollUntil(isEmpty, { timeoutMs: graceMs })) return;
  signalGroup(groupId, "SIGKILL");
  await pollUntil(isEmpty);
}

/** @returns whether there was a process to signal */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw new Error(`Cannot send ${signal} to process ${pid}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** @returns whether there was anybody to signal */
export function signalGroup(groupId: number, signal: NodeJS.Signals): boolean {
  return signalProcess(-groupId, signal);
}

/** Whether the group has a living member; zombies, which no signal removes, do not count. */
async function hasMembers(groupId: number): Promise<boolean> {
  try {
    process.kill(-groupId, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
  return (await readProcesses()).some((entry) => entry.groupId === groupId);
}
