// The states that the master configuration has had, each a file with who made it so, when and how.
import { randomBytes } from "node:crypto";
import { readdir, rename, rm, stat } from "node:fs/promises";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { readIfThere, removeUnfinished, writeFileAtomically } from "./atomic_file.ts";
import type { Checkout } from "./checkout.ts";

/** Why the master configuration changes. */
export interface ChangeReason {
  /** What a person would type for it: `helm config set system.log_level`. Never with a value. */
  readonly command: string;
  /** Who asked for it; whoever runs this process, unless said otherwise. */
  readonly user?: string;
}

/** The master configuration as it was after one change. */
export interface Snapshot {
  readonly id: number;
  /** ISO 8601. */
  readonly time: string;
  readonly user: string;
  readonly command: string;
  readonly config: unknown;
}

/** How many states are kept. */
const mostSnapshots = 50;

/** Oldest first. A file that is damaged is left out: the others are good without it. */
export async function listSnapshots(checkout: Checkout): Promise<Snapshot[]> {
  const ids = await listIds(checkout);
  const snapshots = await Promise.all(ids.map((id) => readSnapshot(checkout, id)));
  return snapshots.filter((snapshot) => snapshot !== undefined);
}

/**
 * The states with the present one as the last, also when somebody brought it about by hand.
 */
export async function listStates(checkout: Checkout, current: unknown): Promise<Snapshot[]> {
  const snapshots = await listSnapshots(checkout);
  const found = await findUnrecorded(checkout, snapshots.at(-1), current);
  return found === undefined ? snapshots : [...snapshots, found];
}

/** A change about to be made. */
export interface PreparedSnapshot {
  /** Call it once the change is made; takes no room on the disk any more. */
  commit(): Promise<void>;
  discard(): Promise<void>;
}

/**
 * Writes the coming state beside the history, so that a full disk is noticed before anything changes.
 *
 * @param current the state that it replaces, `undefined` when there is none; kept too if nobody has yet
 * @throws {Error} naming the file that cannot be written
 */
export async function prepareSnapshot(
  checkout: Checkout,
  change: { readonly current: unknown; readonly next: unknown; readonly reason: ChangeReason },
): Promise<PreparedSnapshot> {
  const { current, next, reason } = change;
  const last = await lastSnapshot(checkout);
  const found = await findUnrecorded(checkout, last, current);
  if (found !== undefined) await writeSnapshot(snapshotFile(checkout, found.id), found);
  const { command, user = userName() } = reason;
  const time = new Date().toISOString();
  const id = (found?.id ?? last?.id ?? 0) + 1;
  const temporary = join(historyFolder(checkout), `.${randomBytes(6).toString("hex")}`);
  await writeSnapshot(temporary, { id, time, user, command, config: next });
  return {
    async commit() {
      await rename(temporary, snapshotFile(checkout, id));
      await prune(checkout);
    },
    discard: () => rm(temporary, { force: true }),
  };
}

/** What a killed writer or somebody's hand has left, or what was there before the first snapshot. */
async function findUnrecorded(
  checkout: Checkout,
  last: Snapshot | undefined,
  current: unknown,
): Promise<Snapshot | undefined> {
  if (current === undefined || JSON.stringify(current) === JSON.stringify(last?.config)) {
    return undefined;
  }
  const id = (last?.id ?? 0) + 1;
  const prepared = await findPrepared(checkout, current);
  if (prepared !== undefined) return { ...prepared, id };
  const time = (await stat(checkout.masterConfigFile)).mtime.toISOString();
  const command = last === undefined ? "before the history begins" : "edited by hand";
  return { id, time, user: "-", command, config: current };
}

/** Of a writer that was killed between the change and its place in the history. */
async function findPrepared(checkout: Checkout, current: unknown): Promise<Snapshot | undefined> {
  const folder = historyFolder(checkout);
  const names = await readdir(folder).catch(() => [] as string[]);
  for (const name of names.filter((each) => /^\.[0-9a-f]{12}$/.test(each))) {
    const snapshot = await readSnapshotFile(join(folder, name));
    if (JSON.stringify(snapshot?.config) === JSON.stringify(current)) return snapshot;
  }
  return undefined;
}

async function lastSnapshot(checkout: Checkout): Promise<Snapshot | undefined> {
  for (const id of (await listIds(checkout)).reverse()) {
    const snapshot = await readSnapshot(checkout, id);
    if (snapshot !== undefined) return snapshot;
  }
  return undefined;
}

async function readSnapshot(checkout: Checkout, id: number): Promise<Snapshot | undefined> {
  const snapshot = await readSnapshotFile(snapshotFile(checkout, id));
  return snapshot === undefined ? undefined : { ...snapshot, id };
}

async function readSnapshotFile(path: string): Promise<Snapshot | undefined> {
  try {
    const text = await readIfThere(path);
    return text === undefined ? undefined : (JSON.parse(text) as Snapshot);
  } catch {
    return undefined;
  }
}

async function writeSnapshot(path: string, snapshot: Snapshot): Promise<void> {
  await writeFileAtomically(path, `${JSON.stringify(snapshot, null, 2)}\n`);
}

async function listIds(checkout: Checkout): Promise<number[]> {
  const names = await readdir(historyFolder(checkout)).catch(() => [] as string[]);
  const ids = names.flatMap((name) => /^(\d+)\.json$/.exec(name)?.[1] ?? []);
  return ids.map(Number).sort((one, other) => one - other);
}

async function prune(checkout: Checkout): Promise<void> {
  const folder = historyFolder(checkout);
  for (const each of [folder, dirname(folder)]) await removeUnfinished(each);
  for (const id of (await listIds(checkout)).slice(0, -mostSnapshots)) {
    await rm(snapshotFile(checkout, id), { force: true });
  }
}

function historyFolder({ masterConfigFile }: Checkout): string {
  return join(masterConfigFile, "..", "history");
}

function snapshotFile(checkout: Checkout, id: number): string {
  return join(historyFolder(checkout), `${String(id).padStart(6, "0")}.json`);
}

function userName(): string {
  try {
    return process.env["SUDO_USER"] ?? userInfo().username;
  } catch {
    return `user ${process.getuid?.() ?? "?"}`; // A user whom no list of the machine names.
  }
}
