// One writer of the settings, and of the files that follow from them, at a time: the command line, the
// dashboard and the operations on apps are several processes.
import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pause } from "../services/pause.ts";
import { readProcess } from "../services/process_table.ts";
import { isSameProcess } from "../services/run_file.ts";
import { readIfThere } from "./atomic_file.ts";
import type { Checkout } from "./checkout.ts";

/** What a writer says of itself; its file in the lock has a name that no other writer's has. */
interface Owner {
  readonly pid: number;
  /** Tells the process from a later one with the same pid. */
  readonly startTime: string;
  /** What it does, for whoever waits: `helm config set system.log_level`. */
  readonly action: string;
}

/** A change takes a part of a second; whoever holds the lock for longer than that hangs. */
const defaultWaitMs = 10_000;

/** Somebody else writes, and does not come to an end. */
export class ConfigLockedError extends Error {
  override readonly name = "ConfigLockedError";
  readonly isExpected = true;
}

/**
 * Carries out `act` while no other process, and nobody else in this one, writes settings or files. Not
 * to be called again from within `act`.
 *
 * The lock is a folder that is renamed into its place, which only succeeds where none stands or an
 * empty one. It is given up, or taken from a dead owner, by removing the owner's file from it: that
 * name is the owner's alone, so nobody can take away the lock of whoever came next.
 *
 * @param action what it is for, as a person would type it
 * @throws {ConfigLockedError} naming who holds the lock, when that lasts longer than `waitMs`
 * @throws {Error} naming the lock, when it cannot be made
 */
export async function withConfigLock<T>(
  checkout: Checkout,
  action: string,
  act: () => Promise<T>,
  waitMs: number = defaultWaitMs,
): Promise<T> {
  const lock = join(dirname(checkout.masterConfigFile), "lock");
  const name = `${process.pid}-${randomBytes(6).toString("hex")}`;
  await acquire(checkout, lock, { name, action, waitMs });
  try {
    return await act();
  } finally {
    await rm(join(lock, name), { force: true });
    await rmdir(lock).catch(() => {}); // Somebody else has it already.
  }
}

interface Wish {
  readonly name: string;
  readonly action: string;
  readonly waitMs: number;
}

async function acquire(
  checkout: Checkout,
  lock: string,
  { name, action, waitMs }: Wish,
): Promise<void> {
  const prepared = join(dirname(lock), `.lock.${randomBytes(6).toString("hex")}`);
  const endsAt = performance.now() + waitMs;
  try {
    await prepare(prepared, name, action);
    while (!(await putInPlace(prepared, lock))) {
      const holder = await findHolder(lock);
      if (holder === undefined) continue;
      if (performance.now() > endsAt) throw describe(checkout, lock, holder, action, waitMs);
      // By chance, so that those who wait do not come back all at once.
      await pause(5 + Math.random() * 20);
    }
  } catch (error) {
    await rm(prepared, { recursive: true, force: true }).catch(() => {});
    if (error instanceof ConfigLockedError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`Cannot write ${lock}: ${reason}`, { cause: error });
  }
}

async function prepare(folder: string, name: string, action: string): Promise<void> {
  const startTime = (await readProcess(process.pid))?.startTime ?? "";
  const owner: Owner = { pid: process.pid, startTime, action };
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(join(folder, name), `${JSON.stringify(owner)}\n`, { mode: 0o600 });
}

/** @returns whether the lock is ours now */
async function putInPlace(prepared: string, lock: string): Promise<boolean> {
  try {
    await rename(prepared, lock);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOTEMPTY" || code === "EEXIST") return false;
    throw error;
  }
}

/** @returns whoever holds the lock and lives; `undefined` when it can be tried again at once */
async function findHolder(lock: string): Promise<Owner | undefined> {
  for (const name of await namesIn(lock)) {
    const text = await readIfThere(join(lock, name));
    if (text === undefined) continue;
    const owner = parseOwner(text);
    if (owner !== undefined && (await isSameProcess(owner))) return owner;
    await rm(join(lock, name), { force: true });
  }
  return undefined;
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** A strange file is nobody's: an owner's is whole before the lock is in its place. */
function parseOwner(text: string): Owner | undefined {
  try {
    const owner = JSON.parse(text) as Owner;
    return Number.isInteger(owner.pid) ? owner : undefined;
  } catch {
    return undefined;
  }
}

function describe(
  checkout: Checkout,
  lock: string,
  { pid, action }: Owner,
  wanted: string,
  waitMs: number,
): ConfigLockedError {
  const waited = `waited ${waitMs / 1000} s for it`;
  return new ConfigLockedError(
    `Cannot write the settings (${wanted}): process ${pid} does (${action}) and does not come to an end, ${waited}; see what it waits for, or end it (${checkout.display(lock)} is then free)`,
  );
}
