// What Helm remembers on disk of each process it started, so that the next Helm finds it again.
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { readProcess } from "./process_table.ts";

export interface RunRecord {
  readonly pid: number;
  /** As `ProcessEntry.startTime`; without it a recycled pid would be taken for our service. */
  readonly startTime: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** Of the settings that it was started with (settings_fingerprint.ts). */
  readonly settings?: string;
  /** By which its children are known (strays.ts). */
  readonly run?: string;
  /** Where it listens. */
  readonly port?: number;
  /** Of a stand-in: whether others are told to go to it. */
  readonly isServing?: boolean;
}

/** @throws {Error} naming the file */
export async function writeRunFile(runDir: string, name: string, record: RunRecord): Promise<void> {
  const file = runFile(runDir, name);
  try {
    await mkdir(runDir, { recursive: true, mode: 0o700 });
    await writeFile(`${file}.new`, `${JSON.stringify(record)}\n`, { mode: 0o600 });
    await rename(`${file}.new`, file);
  } catch (error) {
    // A full disk is reported without the name of the file.
    const reason = (error as Error).message;
    throw new Error(`Cannot write ${file}: ${reason}`, { cause: error });
  }
}

/** @returns `undefined` without a file, or with one that is damaged (it then belongs to nothing) */
export async function readRunFile(runDir: string, name: string): Promise<RunRecord | undefined> {
  let text: string;
  try {
    text = await readFile(runFile(runDir, name), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  return parseRecord(text);
}

export async function removeRunFile(runDir: string, name: string): Promise<void> {
  await rm(runFile(runDir, name), { force: true });
}

/** Names of all services that have a run file. */
export async function listRunFiles(runDir: string): Promise<string[]> {
  const files = await readdir(runDir).catch(() => []);
  return files.filter((file) => file.endsWith(".json")).map((file) => path.basename(file, ".json"));
}

/** Whether the process of a record still lives and its pid has not passed to another one. */
export async function isSameProcess(record: Pick<RunRecord, "pid" | "startTime">) {
  return (await readProcess(record.pid))?.startTime === record.startTime;
}

function runFile(runDir: string, name: string): string {
  return path.join(runDir, `${name}.json`);
}

function parseRecord(text: string): RunRecord | undefined {
  try {
    const record = JSON.parse(text) as RunRecord;
    const isWhole = Number.isInteger(record.pid) && record.pid > 1 && Boolean(record.startTime);
    return isWhole ? record : undefined;
  } catch {
    return undefined;
  }
}
