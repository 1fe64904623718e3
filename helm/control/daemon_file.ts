// Who the running daemon is, and the token by which the command line proves itself to it. The token
// is new with each daemon; whoever can read the file could read every other secret here too.
import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { readIfThere, writeFileAtomically } from "../config/atomic_file.ts";
import type { Checkout } from "../config/checkout.ts";
import { isSameProcess } from "../services/run_file.ts";

export interface DaemonRecord {
  readonly pid: number;
  /** Of the process, as the system counts it: tells it from a later one with the same pid. */
  readonly startTime: string;
  readonly port: number;
  readonly token: string;
}

export function newControlToken(): string {
  return randomBytes(32).toString("base64url");
}

export async function writeDaemonFile(checkout: Checkout, record: DaemonRecord): Promise<void> {
  await writeFileAtomically(checkout.daemonFile, `${JSON.stringify(record)}\n`);
}

/** The daemon that wrote the file, if that process still lives. */
export async function readLiveDaemon(checkout: Checkout): Promise<DaemonRecord | undefined> {
  const record = parseRecord((await readIfThere(checkout.daemonFile)) ?? "");
  return record !== undefined && (await isSameProcess(record)) ? record : undefined;
}

export async function removeDaemonFile(checkout: Checkout): Promise<void> {
  await rm(checkout.daemonFile, { force: true });
}

function parseRecord(text: string): DaemonRecord | undefined {
  try {
    const record = JSON.parse(text) as DaemonRecord;
    return Number.isInteger(record.pid) && record.pid > 1 ? record : undefined;
  } catch {
    return undefined; // Half a file cannot be (it is written atomically); a strange one is nobody's.
  }
}
