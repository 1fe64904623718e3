import { lstat, mkdir, readFile, readlink, rename, rm, symlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { AppRegistry } from "../install/app_registry.ts";
import { readStandInPorts } from "../services/stand_in.ts";
import { readIfThere, writeIfChanged } from "./atomic_file.ts";
import type { Checkout } from "./checkout.ts";
import { withConfigLock } from "./config_lock.ts";
import { appFiles, confFile, type GeneratedFile, servicesFile } from "./generated_files.ts";
import { isEdited } from "./hand_edits.ts";
import { isFolder } from "./is_folder.ts";
import { keepCopy } from "./kept_copy.ts";
import { loadMasterConfig, type MasterConfig } from "./master_config.ts";
import { WrittenFiles } from "./written_files.ts";

/** A file that somebody had edited by hand, and where what it held is now. */
export interface KeptFile {
  readonly file: string;
  readonly copy: string;
}

export interface SyncReport {
  /** Files that changed, as paths from the root. */
  readonly written: readonly string[];
  /** Apps of the configuration whose folder is not there. */
  readonly missing: readonly string[];
  /** Of the files that changed, those that had been edited by hand. */
  readonly kept: readonly KeptFile[];
}

/**
 * Writes every app's files from the master configuration: `.env`, `.flaskenv` (Python), `instance/<app>.conf`,
 * the link `services.json`, and services.json itself. What is right already is not touched.
 */
export async function syncAll(
  checkout: Checkout,
  config: MasterConfig,
  registry: AppRegistry,
): Promise<SyncReport> {
  return await synchronise(checkout, (sync) => writeAll(sync, config, registry));
}

/**
 * The same with the settings as they are saved, read when nobody else writes any more: whoever read
 * them earlier must not be the last to write.
 *
 * @param read how they are read
 * @throws {MasterConfigError} when they cannot be used
 */
export async function syncSaved(
  checkout: Checkout,
  registry: AppRegistry,
  read: () => Promise<MasterConfig> = () => loadMasterConfig(checkout),
): Promise<SyncReport> {
  return await synchronise(checkout, async (sync) => writeAll(sync, await read(), registry));
}

async function writeAll(
  sync: Synchronisation,
  config: MasterConfig,
  registry: AppRegistry,
): Promise<void> {
  const { checkout } = sync;
  await sync.writeServices(config, registry);
  const folders = Object.keys(config.apps).map((app) => checkout.appFolder(app));
  sync.record.keepOnly([checkout.helmFolder, ...folders]);
  for (const app of Object.keys(config.apps)) {
    if (await hasFolder(checkout, app)) {
      for (const file of appFiles(checkout, config, app)) await sync.write(file);
      await sync.link(app);
    } else {
      sync.missing.push(app);
    }
  }
}

/**
 * Writes services.json; it leads to a stand-in as long as one serves, whoever writes it.
 *
 * @param read how the settings are read, as syncSaved does
 */
export async function writeServicesFile(
  checkout: Checkout,
  registry: AppRegistry,
  read: () => Promise<MasterConfig>,
): Promise<void> {
  await synchronise(checkout, async (sync) => sync.writeServices(await read(), registry));
}

/** Writes one app's `.env`, and `.flaskenv` where it has one. */
export async function writeDotenv(
  checkout: Checkout,
  config: MasterConfig,
  app: string,
): Promise<SyncReport> {
  return await synchronise(checkout, async (sync) => {
    const files = appFiles(checkout, config, app).filter(({ kind }) => kind !== "conf");
    for (const file of files) await sync.write(file);
  });
}

/**
 * Writes Helm's sections of one app's `instance/<app>.conf`; those of others stay as they are.
 *
 * @throws {Error} for a value that the format cannot carry, naming it
 */
export async function writeConf(
  checkout: Checkout,
  config: MasterConfig,
  app: string,
): Promise<SyncReport> {
  return await synchronise(checkout, (sync) => sync.write(confFile(checkout, config, app)));
}

/** One after the other: whoever looked earlier for stand-ins must not be the last to write. */
async function synchronise(
  checkout: Checkout,
  act: (sync: Synchronisation) => Promise<void>,
): Promise<SyncReport> {
  return await withConfigLock(checkout, "writing every app's files", async () => {
    const sync = new Synchronisation(checkout, await WrittenFiles.load(checkout));
    try {
      await act(sync);
    } finally {
      // What was written before something failed is known to be Helm's, too.
      await sync.record.save();
    }
    const { written, missing, kept } = sync;
    return { written, missing, kept };
  });
}

/** One way through the files, with what has come of it so far. */
class Synchronisation {
  readonly checkout: Checkout;
  readonly record: WrittenFiles;
  readonly written: string[] = [];
  readonly missing: string[] = [];
  readonly kept: KeptFile[] = [];

  constructor(checkout: Checkout, record: WrittenFiles) {
    this.checkout = checkout;
    this.record = record;
  }

  async write(file: GeneratedFile): Promise<void> {
    const { path, mode, sections } = file;
    const current = await readIfThere(path);
    const text = wantedText(file, current, this.record);
    if (text === undefined) return;
    if (current !== undefined && isEdited(file, current, text, this.record)) {
      await this.#keep(path, current);
    }
    if (await writeIfChanged(path, text, mode)) this.written.push(this.checkout.display(path));
    this.record.note(path, text, sections);
  }

  async writeServices(config: MasterConfig, registry: AppRegistry): Promise<void> {
    const standInPorts = await readStandInPorts(this.checkout.runDir);
    await this.write(servicesFile(this.checkout, config, registry, standInPorts));
  }

  /** The link to services.json in an app's folder. */
  async link(app: string): Promise<void> {
    const { servicesFile: target } = this.checkout;
    const link = join(this.checkout.appFolder(app), "services.json");
    if (link === target) return;
    const wanted = relative(dirname(link), target);
    if ((await readlink(link).catch(() => undefined)) === wanted) return;
    if (await isFolder(link)) throw new Error(`Cannot write ${link}: a folder is in the way`);
    const found = await lstat(link).catch(() => undefined);
    if (found?.isFile() === true) await this.#keep(link, await readFile(link, "utf8"));
    // A rename puts the new link in the place of whatever was there, with no moment in between.
    const temporary = `${link}.${process.pid}`;
    await rm(temporary, { force: true });
    await symlink(wanted, temporary);
    await rename(temporary, link);
    this.written.push(this.checkout.display(link));
  }

  async #keep(path: string, text: string): Promise<void> {
    const copy = await keepCopy(path, text);
    const { display } = this.checkout;
    this.kept.push({ file: display(path), copy: display(copy) });
  }
}

/** What has to stand in the file, without the sections that Helm once wrote and wants no more. */
export function wantedText(
  file: GeneratedFile,
  current: string | undefined,
  record: WrittenFiles,
): string | undefined {
  const former = file.kind === "conf" ? record.sectionsOf(file.path) : [];
  const obsolete = former.filter((name) => file.sections?.includes(name) !== true);
  return file.text(current, obsolete);
}

export async function hasFolder(checkout: Checkout, app: string): Promise<boolean> {
  const folder = checkout.appFolder(app);
  if (!(await isFolder(folder))) return false;
  await mkdir(join(folder, "instance"), { recursive: true, mode: 0o700 });
  return true;
}
