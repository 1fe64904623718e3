// A service may be one process that keeps others, which serve (Nexus). It offers in a file to replace
// them one after the other on SIGUSR2, and tells there what has come of it.
import { readFile } from "node:fs/promises";
import { pollUntil } from "./pause.ts";
import { signalProcess } from "./process_group.ts";
import { endOfLog, readError } from "./service_log.ts";

/** Where the process that keeps others tells of them, and where these can be reached. */
export interface KeptProcesses {
  readonly file: string;
  /** At another one than before they cannot be looked after: the service is then restarted as a whole. */
  readonly address: string;
}

interface Told {
  readonly keeper: number;
  /** How often it was asked to replace them, and is done with it. */
  readonly asked: number;
  readonly outcome?: "replaced" | "outdated" | "failed";
  readonly reason?: string;
}

/** The process that keeps others. */
interface Keeper {
  readonly pid: number;
  readonly file: string;
  /** Where the new processes say what is wrong with them. */
  readonly log: string;
}

/**
 * Has all processes that it keeps replaced by new ones, with code and settings as they are now.
 *
 * @param signal aborted when the keeper is gone, or nobody wants that any more
 * @returns false when the keeper does not offer it, or would itself be another one by now
 * @throws {Error} with the reason, when the new ones do not get ready: the others serve on
 */
export async function replaceKeptProcesses(
  { pid, file, log }: Keeper,
  signal: AbortSignal,
): Promise<boolean> {
  const before = await readTold(file);
  if (before?.keeper !== pid) return false;
  const logStart = await endOfLog(log);
  signalProcess(pid, "SIGUSR2");
  let told: Told | undefined = before;
  const isDone = async () => {
    told = await readTold(file);
    return told?.keeper === pid && told.asked > before.asked;
  };
  if (!(await pollUntil(isDone, { signal }))) throw endedMeanwhile();
  if (told.outcome !== "failed") return told.outcome === "replaced";
  const line = await readError(log, logStart);
  const said = line === undefined ? "" : `, last error in the log: ${line}`;
  throw new Error(`what serves runs on as before, ${told.reason}${said}`);
}

export function endedMeanwhile(): Error {
  return new Error("it ended or was stopped meanwhile");
}

/** It is replaced as a whole, so there is never half of it. */
async function readTold(file: string): Promise<Told | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as Told;
  } catch {
    return undefined;
  }
}
