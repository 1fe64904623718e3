// Two versions of an app change places, with the data that belongs to whichever of them runs.

import type { Checkout } from "../config/checkout.ts";
import { syncSaved } from "../config/config_manager.ts";
import { loadMasterConfig } from "../config/master_config.ts";
import { isThere, moveFolder, movePaths, placesOf, removeFolder } from "./app_places.ts";
import { recordInstalledApp } from "./installed_apps.ts";
import { type Journal, removeJournal } from "./journal.ts";
import { endMarked } from "./operation_mark.ts";
import type { OperationParts } from "./operation_parts.ts";

/** The prepared version takes the folder, and the data; the journal has to name the paths already. */
export async function swapIn(parts: OperationParts, { app, paths = [] }: Journal): Promise<void> {
  const { folder, preparing, replaced } = placesOf(parts.checkout, app);
  await movePaths(folder, preparing, paths);
  await removeFolder(replaced);
  await moveFolder(folder, replaced);
  await moveFolder(preparing, folder);
  await writeFiles(parts);
}

/**
 * The former version comes back, wherever the swap was; it runs again if it ran before. What the new
 * one did to its database stays done: only the app knows how that could be taken back.
 *
 * @returns whether the new version had a database to do something to
 */
export async function undoUpdate(parts: OperationParts, journal: Journal): Promise<boolean> {
  const { checkout, services, say } = parts;
  const { app, paths, step } = journal;
  const hadDatabase = step === "starting it" && (await hasDatabase(checkout, app));
  await endMarked(checkout, app);
  if (paths !== undefined) {
    say("Putting the former version back");
    if (hadDatabase) say("What the new one has done to its database stays done.");
    await services?.stop(app);
    await swapBack(parts, app, paths);
    await writeFiles(parts);
  }
  await removeFolder(placesOf(checkout, app).preparing);
  await removeJournal(checkout, app);
  if (services !== undefined && journal.wasRunning === true) {
    await services.start(app);
    await services.waitUntilReady(app);
    say("The former version runs.");
  }
  return hadDatabase;
}

async function hasDatabase(checkout: Checkout, app: string): Promise<boolean> {
  return (await loadMasterConfig(checkout)).apps[app]?.database !== undefined;
}

async function swapBack({ checkout }: OperationParts, app: string, paths: readonly string[]) {
  const { folder, preparing, replaced } = placesOf(checkout, app);
  if (await isThere(replaced)) {
    if (await isThere(folder)) await moveFolder(folder, preparing);
    await movePaths(preparing, replaced, paths);
    await moveFolder(replaced, folder);
    await removeFolder(replaced);
  } else {
    await movePaths(preparing, folder, paths);
  }
}

/** What is left to do once the new version works. */
export async function finishUpdate(
  { checkout }: OperationParts,
  { app, installed }: Journal,
): Promise<void> {
  const { preparing, replaced } = placesOf(checkout, app);
  if (installed !== undefined) await recordInstalledApp(checkout, app, installed);
  await removeFolder(replaced);
  await removeFolder(preparing);
  await removeJournal(checkout, app);
}

async function writeFiles({ checkout, registry }: OperationParts): Promise<void> {
  await syncSaved(checkout, registry);
}
