// The end of an installation, from its journal: undone, or finished. Every step is safe to repeat,
// for whoever does it may be killed as well.

import { loadMasterConfig } from "../config/master_config.ts";
import { removeAppConfig } from "./app_configuration.ts";
import { dropDatabase } from "./app_data.ts";
import { isThere, movePaths, placesOf, removeFolder } from "./app_places.ts";
import { recordInstalledApp } from "./installed_apps.ts";
import { type Journal, removeJournal } from "./journal.ts";
import { keptFiles, removeKept } from "./kept_data.ts";
import { endMarked } from "./operation_mark.ts";
import type { OperationParts } from "./operation_parts.ts";
import { removeRegistryEntry } from "./own_registry.ts";

/** Removes whatever an installation has brought, and gives back what it had taken up. */
export async function undoInstall(parts: OperationParts, journal: Journal): Promise<void> {
  const { checkout, registry, services } = parts;
  const { app, paths = [] } = journal;
  const places = placesOf(checkout, app);
  await endMarked(checkout, app);
  await services?.stop(app);
  await removeAppConfig({ checkout, registry }, app);
  for (const folder of [places.folder, places.preparing]) {
    if (paths.length > 0 && (await isThere(folder))) {
      await movePaths(folder, keptFiles(places), paths);
    }
    await removeFolder(folder);
  }
  if (journal.addsEntry === true) await removeRegistryEntry(checkout, app);
  await recordInstalledApp(checkout, app, undefined);
  await concludeWithDatabase(parts, journal);
}

/** What is left to do once an app is installed and works. */
export async function concludeInstall(
  { checkout }: OperationParts,
  { app }: Journal,
): Promise<void> {
  const places = placesOf(checkout, app);
  await removeKept(places);
  await removeFolder(places.preparing);
  await removeJournal(checkout, app);
}

/** Drops the journal's database, and is done; while there is no PostgreSQL, the journal waits for it. */
export async function concludeWithDatabase(
  { checkout, hasPostgres }: OperationParts,
  { app, database }: Journal,
): Promise<void> {
  if (database !== undefined) {
    if (!hasPostgres) return;
    await dropDatabase(await loadMasterConfig(checkout), database);
  }
  await removeJournal(checkout, app);
}
