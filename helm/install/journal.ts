// What an operation on an app is about to do, written before it does it. Whoever finds a journal and
// no operation knows that Helm was killed, and brings it to an end (recovery.ts).
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { readIfThere, writeFileAtomically } from "../config/atomic_file.ts";
import type { Checkout } from "../config/checkout.ts";
import { namesIn } from "./app_places.ts";
import type { InstalledApp } from "./installed_apps.ts";

export type OperationKind = "install" | "new" | "update" | "uninstall";

export interface Journal {
  readonly app: string;
  readonly kind: OperationKind;
  /** What recovery does: `undo` until the operation can no longer fail, then `finish`. */
  readonly end: "undo" | "finish";
  /** The step it was at, for people. */
  readonly step: string;
  /** An entry of the user's own registry that came with it. */
  readonly addsEntry?: boolean;
  /** Role and database that came with it (install) or go with it (uninstall). */
  readonly database?: { readonly database: string; readonly user: string };
  /** Files that go from the former folder to the new one: data, and what no install script makes. */
  readonly paths?: readonly string[];
  readonly deletesData?: boolean;
  /** Whether the former version ran, so that it is to run again. */
  readonly wasRunning?: boolean;
  /** What an update has come to. */
  readonly installed?: InstalledApp;
}

function journalFolder(checkout: Checkout): string {
  return join(checkout.helmFolder, "instance", "install");
}

function journalFile(checkout: Checkout, app: string): string {
  return join(journalFolder(checkout), `${app}.json`);
}

export async function writeJournal(checkout: Checkout, journal: Journal): Promise<void> {
  const text = `${JSON.stringify(journal, null, 2)}\n`;
  await writeFileAtomically(journalFile(checkout, journal.app), text);
}

export async function removeJournal(checkout: Checkout, app: string): Promise<void> {
  await rm(journalFile(checkout, app), { force: true });
}

export async function readJournal(checkout: Checkout, app: string): Promise<Journal | undefined> {
  const text = await readIfThere(journalFile(checkout, app));
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Journal;
  } catch (error) {
    // Helm writes it whole or not at all, so somebody else has.
    const file = checkout.display(journalFile(checkout, app));
    throw new Error(`Cannot read ${file}, the journal of an operation on ${app}: remove it`, {
      cause: error,
    });
  }
}

/** Of all operations that have not come to an end. */
export async function listJournals(checkout: Checkout): Promise<Journal[]> {
  const files = (await namesIn(journalFolder(checkout))).filter((name) =>
    /^[a-z].*\.json$/.test(name),
  );
  const found = await Promise.all(
    files.map((file) => readJournal(checkout, file.slice(0, -".json".length))),
  );
  return found.filter((journal) => journal !== undefined);
}
