// Takes an app away. Its data stays for the day it comes back, unless that is to go too. Once begun
// it goes on to the end: there is nothing that an undone one would leave better.
import { join } from "node:path";
import { type AppConfig, loadMasterConfig, type MasterConfig } from "../config/master_config.ts";
import { didYouMean } from "../control/near_names.ts";
import { listChanged, listUntracked } from "./app_checkout.ts";
import { removeAppConfig } from "./app_configuration.ts";
import { isThere, moveFolder, movePaths, placesOf, removeFolder } from "./app_places.ts";
import type { AppRegistry } from "./app_registry.ts";
import { recordInstalledApp } from "./installed_apps.ts";
import type { Journal } from "./journal.ts";
import { keepSettings, keptFiles, listMovable, readKeptSettings, removeKept } from "./kept_data.ts";
import { OperationJournal, type OperationParts, RefusedError } from "./operation_parts.ts";
import { removeRegistryEntry } from "./own_registry.ts";
import { concludeWithDatabase } from "./undo_install.ts";

export interface UninstallRequest {
  readonly app: string;
  readonly deletesData?: boolean;
  /** What was changed by hand in tracked files goes too. */
  readonly isForced?: boolean;
}

export async function uninstallApp(
  parts: OperationParts,
  { app, deletesData = false, isForced = false }: UninstallRequest,
): Promise<void> {
  const { checkout, say } = parts;
  const places = placesOf(checkout, app);
  const config = await loadMasterConfig(checkout);
  const settings = config.apps[app] ?? (deletesData ? await readKeptSettings(places) : undefined);
  requireRemovable(parts.registry, config, app, settings);
  if (!isForced) await requireUnchanged(app, places.folder);
  const { database, db_name = "", db_user = "" } = settings as AppConfig;
  const journal = new OperationJournal(parts, {
    app,
    kind: "uninstall",
    end: "finish",
    deletesData,
    ...(deletesData && database && { database: { database: db_name, user: db_user } }),
  });
  await journal.step("stopping it");
  say("Stopping it");
  await parts.services?.stop(app);
  const paths = deletesData ? [] : await listData(places.folder);
  await journal.step("removing it", { paths });
  await finishUninstall(parts, journal.current);
  say(deletesData ? "It is gone, with its data." : "It is gone; its data is kept.");
}

/** Everything from the journal on; safe to repeat. */
export async function finishUninstall(parts: OperationParts, journal: Journal): Promise<void> {
  const { checkout, registry, services } = parts;
  const { app, deletesData, paths } = journal;
  const places = placesOf(checkout, app);
  await services?.stop(app);
  const { apps } = await loadMasterConfig(checkout);
  const settings = apps[app];
  if (settings !== undefined && !deletesData) await keepSettings(places, settings);
  await removeAppConfig({ checkout, registry }, app);
  if (await isThere(places.folder)) {
    // Killed before the list was made, it is made now.
    const kept = deletesData ? [] : (paths ?? (await listData(places.folder)));
    await movePaths(places.folder, keptFiles(places), kept);
    await moveFolder(places.folder, places.replaced);
  }
  await removeFolder(places.replaced);
  await recordInstalledApp(checkout, app, undefined);
  if (deletesData) {
    await removeKept(places);
    await removeRegistryEntry(checkout, app);
  }
  await concludeWithDatabase(parts, journal);
}

/** Of an app without a repository its code too: there is no other copy of it. */
async function listData(folder: string): Promise<string[]> {
  if (!(await isThere(join(folder, ".git")))) return await listMovable(folder);
  const untracked = await listUntracked(folder);
  const made =
    /(^|\/)(node_modules|pyenv|venv|\.venv|__pycache__)$|^(services\.json|\.env|\.flaskenv)$/;
  const paths = untracked.filter((path) => path !== "instance" && !made.test(path));
  const inInstance = (await listMovable(folder)).filter((path) => path.startsWith("instance/"));
  return [...new Set([...paths, ...inInstance])];
}

function requireRemovable(
  registry: AppRegistry,
  config: MasterConfig,
  app: string,
  settings: AppConfig | undefined,
): void {
  const refuse = (reason: string) => new RefusedError(`Cannot uninstall "${app}": ${reason}`);
  if (settings === undefined) {
    throw refuse(`it is not installed${didYouMean(app, Object.keys(config.apps))}`);
  }
  const entry = registry.find(app);
  if (entry !== undefined && (entry.required || entry.git_url === undefined)) {
    throw refuse("it is part of the platform");
  }
  const dependents = Object.entries(config.apps).flatMap(([id, { dependencies }]) => {
    const needed = dependencies ?? registry.find(id)?.dependencies ?? [];
    return needed.includes(app) ? [id] : [];
  });
  if (dependents.length > 0) {
    throw refuse(`${dependents.join(", ")} cannot do without it, uninstall that first`);
  }
}

async function requireUnchanged(app: string, folder: string): Promise<void> {
  if (!(await isThere(join(folder, ".git")))) return;
  const changed = await listChanged(folder);
  if (changed.length === 0) return;
  const files = changed.slice(0, 10).join(", ") + (changed.length > 10 ? ", …" : "");
  throw new RefusedError(
    `Cannot uninstall "${app}": apps/${app} has files changed by hand: ${files}; --force discards that`,
  );
}
