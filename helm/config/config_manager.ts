import { mkdir, readlink, rename, rm, stat, symlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { updateConf } from "@hivematrix/lib/conf_file";
import type { AppRegistry } from "../install/app_registry.ts";
import { readStandInPorts } from "../services/stand_in.ts";
import { appConf, appEnvText } from "./app_files.ts";
import { readIfThere, writeIfChanged } from "./atomic_file.ts";
import type { Checkout } from "./checkout.ts";
import type { MasterConfig } from "./master_config.ts";
import { servicesFileText } from "./services_file.ts";

export interface SyncReport {
  /** Files that changed, as paths from the root. */
  readonly written: readonly string[];
  /** Apps of the configuration whose folder is not there. */
  readonly missing: readonly string[];
}

/**
 * Writes every app's files from the master configuration: `.env`, `instance/<app>.conf`, the link
 * `services.json`, and services.json itself. What is right already is not touched.
 */
export async function syncAll(
  checkout: Checkout,
  config: MasterConfig,
  registry: AppRegistry,
): Promise<SyncReport> {
  const written: string[] = [];
  const missing: string[] = [];
  written.push(...(await writeServicesFile(checkout, config, registry)));
  for (const app of Object.keys(config.apps)) {
    if (await hasFolder(checkout, app)) {
      written.push(...(await writeDotenv(checkout, config, app)));
      written.push(...(await writeConf(checkout, config, app)));
      written.push(...(await linkServicesFile(checkout, app)));
    } else {
      missing.push(app);
    }
  }
  return { written, missing };
}

/**
 * Writes services.json; it leads to a stand-in as long as one serves, whoever writes it.
 *
 * @returns the path, when it changed
 */
export function writeServicesFile(
  checkout: Checkout,
  config: MasterConfig,
  registry: AppRegistry,
): Promise<string[]> {
  // One after the other: whoever looked earlier for stand-ins must not be the last to write.
  const written = lastWrite.then(() => writeServicesFileNow(checkout, config, registry));
  lastWrite = written.catch(() => {});
  return written;
}

let lastWrite: Promise<unknown> = Promise.resolve();

async function writeServicesFileNow(
  checkout: Checkout,
  config: MasterConfig,
  registry: AppRegistry,
): Promise<string[]> {
  const standInPorts = await readStandInPorts(checkout.runDir);
  const text = servicesFileText(config, registry, standInPorts);
  const hasChanged = await writeIfChanged(checkout.servicesFile, text, 0o644);
  return hasChanged ? [checkout.display(checkout.servicesFile)] : [];
}

/** Writes one app's `.env`. @returns the path, when it changed */
export async function writeDotenv(
  checkout: Checkout,
  config: MasterConfig,
  app: string,
): Promise<string[]> {
  const folder = checkout.appFolder(app);
  const file = join(folder, ".env");
  const hasChanged = await writeIfChanged(file, appEnvText(config, app, folder));
  return hasChanged ? [checkout.display(file)] : [];
}

/**
 * Writes Helm's sections of one app's `instance/<app>.conf`; those of others stay as they are.
 *
 * @returns the path, when it changed
 * @throws {Error} for a value that the format cannot carry, naming it
 */
export async function writeConf(
  checkout: Checkout,
  config: MasterConfig,
  app: string,
): Promise<string[]> {
  const file = join(checkout.appFolder(app), "instance", `${app}.conf`);
  const sections = appConf(config, app);
  const current = await readIfThere(file);
  if (Object.keys(sections).length === 0 && current === undefined) return [];
  const hasChanged = await writeIfChanged(file, updateConf(current ?? "", sections));
  return hasChanged ? [checkout.display(file)] : [];
}

async function linkServicesFile(checkout: Checkout, app: string): Promise<string[]> {
  const link = join(checkout.appFolder(app), "services.json");
  if (link === checkout.servicesFile) return [];
  const target = relative(dirname(link), checkout.servicesFile);
  if ((await readlink(link).catch(() => undefined)) === target) return [];
  if (await isFolder(link)) throw new Error(`Cannot write ${link}: a folder is in the way`);
  // A rename puts the new link in the place of whatever was there, with no moment in between.
  const temporary = `${link}.${process.pid}`;
  await rm(temporary, { force: true });
  await symlink(target, temporary);
  await rename(temporary, link);
  return [checkout.display(link)];
}

async function hasFolder(checkout: Checkout, app: string): Promise<boolean> {
  const folder = checkout.appFolder(app);
  if (!(await isFolder(folder))) return false;
  await mkdir(join(folder, "instance"), { recursive: true, mode: 0o700 });
  return true;
}

async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
