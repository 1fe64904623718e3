import { readFile } from "node:fs/promises";
import { isSameProcess, readRunFile } from "../services/run_file.ts";
import type { Checkout } from "./checkout.ts";

/** What the app's running process has. */
export interface RunningValue {
  readonly pid: number;
  /** Whether it has the value that it would be started with. */
  readonly isCurrent: boolean;
  /** Another value of its environment, as anybody may see it. */
  readonly value?: string;
}

interface Wanted {
  readonly app: string;
  readonly key: string;
  readonly value: string;
  readonly show: (value: string) => string;
  /** Whether the process was started with other settings than those of the files, for a `.conf`. */
  readonly isOutdated: () => Promise<boolean>;
}

/** `undefined` where nothing of the app runs, or nobody may look at it. */
export async function readRunningValue(
  checkout: Checkout,
  { app, key, value, show, isOutdated }: Wanted,
): Promise<RunningValue | undefined> {
  const record = await readRunFile(checkout.runDir, app);
  if (record === undefined || !(await isSameProcess(record))) return undefined;
  const { pid } = record;
  // A .conf is read once: what the process made of it, only the settings of its start can tell.
  if (key.includes(".")) return { pid, isCurrent: !(await isOutdated()) };
  const has = await readVariable(pid, key);
  if (has === undefined) return undefined;
  return has === value ? { pid, isCurrent: true } : { pid, isCurrent: false, value: show(has) };
}

/** `undefined` where the system does not tell. */
async function readVariable(pid: number, name: string): Promise<string | undefined> {
  const environment = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
  const line = environment.split("\0").find((each) => each.startsWith(`${name}=`));
  return line?.slice(name.length + 1);
}
