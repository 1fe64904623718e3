// Installs an app: either all of it is there and works, or none of it remains.
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { requireAppName, writeCopy } from "../../scripts/new_app.ts";
import { type AppConfig, loadMasterConfig, type MasterConfig } from "../config/master_config.ts";
import { newAppConfig } from "../config/new_master_config.ts";
import { cloneApp } from "./app_checkout.ts";
import { addAppConfig, choosePort, firstAppPort, requirePort } from "./app_configuration.ts";
import { requireNoDatabase } from "./app_data.ts";
import { isThere, moveFolder, movePaths, placesOf, removeFolder } from "./app_places.ts";
import type { RegisteredApp } from "./app_registry.ts";
import { type AppSource, describeApp } from "./app_source.ts";
import { relocateEnvironments, runInstallScript } from "./install_script.ts";
import { recordInstalledApp } from "./installed_apps.ts";
import type { Journal } from "./journal.ts";
import { keptFiles, listKeptPaths, readKeptSettings } from "./kept_data.ts";
import { operationMark } from "./operation_mark.ts";
import {
  MissingAppsError,
  OperationJournal,
  type OperationParts,
  RefusedError,
  reasonOf,
} from "./operation_parts.ts";
import { addRegistryEntry } from "./own_registry.ts";
import { startApp } from "./start_app.ts";
import { concludeInstall, undoInstall } from "./undo_install.ts";

/** An app's entry before it is known which port it gets. */
type Description = Omit<RegisteredApp, "port"> & { readonly port?: number };

interface Prepared {
  readonly description: Description;
  /** Of an app that comes from a repository. */
  readonly commit?: string;
}

/** `helm install`: from a repository. */
export async function installApp(parts: OperationParts, source: AppSource): Promise<void> {
  const { id } = source;
  const watch = {
    mark: operationMark(parts.checkout, id),
    onLine: (line: string) => parts.say(`  ${line}`),
    ...(parts.signal !== undefined && { signal: parts.signal }),
  };
  const kind = { kind: "install", app: id, verb: "install" } as const;
  if (source.entry !== undefined) await requireDependencies(parts, source.entry);
  await carryOut(parts, kind, source, async (folder) => {
    parts.say(`Cloning ${source.git_url}${source.ref === undefined ? "" : ` (${source.ref})`}`);
    const commit = await cloneApp(source, folder, watch);
    parts.say(`At commit ${commit.slice(0, 12)}`);
    return { description: await describeApp(source, folder), commit };
  });
}

/** `helm new`: a copy of Template. */
export async function makeNewApp(parts: OperationParts, name: string): Promise<void> {
  requireAppName(name);
  const description: Description = {
    id: name,
    name,
    required: false,
    dependencies: ["postgresql", "core"],
    install_order: 100,
    database: "postgresql",
  };
  await carryOut(
    parts,
    { kind: "new", app: name, verb: "make the app" },
    undefined,
    async (folder) => {
      parts.say("Copying template");
      await writeCopy(parts.checkout.root, name, folder);
      return { description };
    },
  );
}

async function carryOut(
  parts: OperationParts,
  { kind, app, verb }: { kind: "install" | "new"; app: string; verb: string },
  source: AppSource | undefined,
  prepare: (folder: string) => Promise<Prepared>,
): Promise<void> {
  await requireAbsent(parts, app, verb);
  const { preparing } = placesOf(parts.checkout, app);
  const journal = new OperationJournal(parts, { app, kind, end: "undo" });
  try {
    await journal.step("fetching the code");
    await removeFolder(preparing);
    await mkdir(join(preparing, ".."), { recursive: true });
    const prepared = await prepare(preparing);
    await requireDependencies(parts, prepared.description);
    await journal.step("running install.sh");
    await runInstallScript(parts, app, preparing);
    await place(parts, journal, source, prepared);
    if (parts.services !== undefined) await start(parts, journal, parts.services);
    if (source !== undefined) await record(parts, source, prepared);
    await journal.step("cleaning up", { end: "finish" });
  } catch (error) {
    parts.say(`Cannot ${verb} "${app}": ${reasonOf(error)}`);
    parts.say("Removing what there is of it");
    await undoInstall(parts, journal.current).catch((second: unknown) => {
      throw leftOver(verb, app, error, second);
    });
    throw explain(verb, app, error);
  }
  await concludeInstall(parts, journal.current);
}

/** Puts the prepared folder where it belongs, with settings of its own. */
async function place(
  parts: OperationParts,
  journal: OperationJournal,
  source: AppSource | undefined,
  { description }: Prepared,
): Promise<void> {
  const { checkout, registry } = parts;
  const app = description.id;
  const places = placesOf(checkout, app);
  const config = await loadMasterConfig(checkout);
  const kept = await readKeptSettings(places);
  const settings = await newSettings(config, description, source?.wishes.port, kept);
  const entry = { ...description, port: settings.port - config.system.port_offset };
  const isNew = source !== undefined && source.entry === undefined;
  // Without Helm there is none to ask; it is made at the first start.
  const database = parts.hasPostgres ? await ownDatabase(config, settings, kept) : undefined;
  if (kept !== undefined) parts.say("Taking up the data that an earlier installation has left");
  await journal.step("putting it in place", {
    paths: await listKeptPaths(places),
    addsEntry: isNew,
    ...(database !== undefined && { database }),
  });
  // The contract's install.sh writes first ones, for Helm to replace.
  for (const file of [".env", ".flaskenv", "services.json"]) {
    await rm(join(places.preparing, file), { force: true });
  }
  await movePaths(keptFiles(places), places.preparing, journal.current.paths ?? []);
  await moveFolder(places.preparing, places.folder);
  await relocateEnvironments(places.folder, places.preparing);
  await journal.step("writing its configuration");
  if (isNew) await addRegistryEntry(checkout, entry);
  await addAppConfig({ checkout, registry }, app, settings);
  parts.say(
    `It has port ${settings.port}${settings.database ? ` and database ${settings.db_name}` : ""}.`,
  );
}

/** What an earlier installation had stays: data is found under its names, and opens to its password. */
async function newSettings(
  config: MasterConfig,
  description: Description,
  insistedPort: number | undefined,
  kept: AppConfig | undefined,
): Promise<AppConfig> {
  const offset = config.system.port_offset;
  const wanted = kept?.port ?? (description.port ?? firstAppPort) + offset;
  const port =
    insistedPort === undefined
      ? await choosePort(config, wanted)
      : await requirePort(config, insistedPort);
  const { id, database, runtime, dependencies } = description;
  const fresh = newAppConfig({ id, port: port - offset, ...(database && { database }) }, offset);
  const isDefault = dependencies.join() === "postgresql,core" || dependencies.join() === "core";
  return {
    ...fresh,
    ...kept,
    port,
    ...(runtime === "python" && { runtime }),
    ...(!isDefault && { dependencies }),
  };
}

/** @returns the names of what comes into being with the app, and goes if that fails */
async function ownDatabase(
  config: MasterConfig,
  { database, db_name = "", db_user = "" }: AppConfig,
  kept: AppConfig | undefined,
): Promise<Journal["database"]> {
  if (database === undefined || kept?.db_name === db_name) return undefined;
  const names = { database: db_name, user: db_user };
  await requireNoDatabase(config, names);
  return names;
}

async function start(
  parts: OperationParts,
  journal: OperationJournal,
  services: NonNullable<OperationParts["services"]>,
): Promise<void> {
  const { app } = journal.current;
  await journal.step("starting it");
  parts.say("Starting it");
  await startApp(parts, services, app);
}

async function record(
  { checkout }: OperationParts,
  { id, git_url, wishes: { ref } }: AppSource,
  { commit = "" }: Prepared,
): Promise<void> {
  const at = new Date().toISOString();
  await recordInstalledApp(checkout, id, { git_url, commit, at, ...(ref && { ref }) });
}

async function requireAbsent({ checkout }: OperationParts, app: string, verb: string) {
  const refuse = (reason: string) => new RefusedError(`Cannot ${verb} "${app}": ${reason}`);
  try {
    requireAppName(app);
  } catch (error) {
    throw new RefusedError(reasonOf(error).replace("make the app", verb));
  }
  const config = await loadMasterConfig(checkout);
  if (config.apps[app] !== undefined) throw refuse("it is installed already");
  if (await isThere(checkout.appFolder(app))) {
    throw refuse(`apps/${app} is there already, choose another name or move it away`);
  }
}

async function requireDependencies(
  { checkout, registry }: OperationParts,
  app: Pick<RegisteredApp, "id" | "dependencies">,
): Promise<void> {
  const { apps } = await loadMasterConfig(checkout);
  const needed = new Set<string>();
  const need = (ids: readonly string[]) => {
    for (const id of ids) {
      if (id === "postgresql" || apps[id] !== undefined || needed.has(id)) continue;
      needed.add(id);
      need(registry.find(id)?.dependencies ?? []);
    }
  };
  need(app.dependencies);
  if (needed.size === 0) return;
  const known = registry.list().filter(({ id }) => needed.has(id));
  const unknown = [...needed].filter((id) => registry.find(id) === undefined);
  const names = [...needed].join(", ");
  const hint =
    unknown.length === 0 ? "install it first" : `the registry does not know ${unknown.join(", ")}`;
  throw new MissingAppsError(
    `Cannot install "${app.id}": it needs ${names}, ${hint}`,
    unknown.length === 0 ? known.map(({ id }) => id) : [],
  );
}

function explain(verb: string, app: string, error: unknown): Error {
  if (error instanceof RefusedError) return error;
  const message = `Cannot ${verb} "${app}": ${reasonOf(error)}; everything is as it was before`;
  return new Error(message, { cause: error });
}

/** Its journal is still there, so nothing is forgotten. */
function leftOver(verb: string, app: string, error: unknown, second: unknown): Error {
  const left = `what there is of it cannot be removed now (${reasonOf(second)}), Helm does it later`;
  return new Error(`Cannot ${verb} "${app}": ${reasonOf(error)}; ${left}`, { cause: error });
}
