// What sync-all would write and whom that would concern, without doing it.
import { lstat, readlink, stat } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { AppRegistry } from "../install/app_registry.ts";
import { readStandInPorts } from "../services/stand_in.ts";
import { readIfThere } from "./atomic_file.ts";
import type { Checkout } from "./checkout.ts";
import { wantedText } from "./config_manager.ts";
import {
  compareEntries,
  type EntryChange,
  type FileEntry,
  maskEntryChange,
  readEntries,
} from "./file_entries.ts";
import { appFiles, type GeneratedFile, servicesFile } from "./generated_files.ts";
import { isEdited } from "./hand_edits.ts";
import { isFolder } from "./is_folder.ts";
import { findUnknownKeys } from "./known_keys.ts";
import type { MasterConfig } from "./master_config.ts";
import { findOutdated } from "./outdated_services.ts";
import { WrittenFiles } from "./written_files.ts";

/** One file that would be written. */
export interface FilePlan {
  /** From the checkout's root. */
  readonly file: string;
  readonly action: "create" | "change" | "permissions" | "link";
  /** Somebody edited it by hand; a copy of it would be kept. */
  readonly isEdited: boolean;
  /** Secrets masked. */
  readonly changes: readonly EntryChange[];
  /** Why there are no single changes to show. */
  readonly note?: string;
}

export interface ConfigPlan {
  readonly files: readonly FilePlan[];
  /** Apps of the configuration whose folder is not there. */
  readonly missing: readonly string[];
  /** Keys of the settings that no rule knows, with what may have been meant. */
  readonly unknown: readonly string[];
  /** Services that run and would be started anew. */
  readonly restarts: readonly string[];
  /** Helm's own settings would change, which it takes up with `helm restart helm`. */
  readonly concernsHelm: boolean;
}

/** @param config as it is, or as it would be */
export async function planSync(
  checkout: Checkout,
  config: MasterConfig,
  registry: AppRegistry,
): Promise<ConfigPlan> {
  const record = await WrittenFiles.load(checkout);
  const files: FilePlan[] = [];
  const missing: string[] = [];
  const texts = new Map<string, string>();
  const consider = async (file: GeneratedFile) => {
    const current = await readIfThere(file.path);
    const text = wantedText(file, current, record);
    if (text === undefined) return;
    texts.set(file.path, text);
    const plan = await planFile(checkout, file, { current, text, record });
    if (plan !== undefined) files.push(plan);
  };
  const standInPorts = await readStandInPorts(checkout.runDir);
  await consider(servicesFile(checkout, config, registry, standInPorts));
  for (const app of Object.keys(config.apps)) {
    if (await isFolder(checkout.appFolder(app))) {
      for (const file of appFiles(checkout, config, app)) await consider(file);
      files.push(...(await planLink(checkout, app)));
    } else {
      missing.push(app);
    }
  }
  const readFile = async (path: string) => texts.get(path) ?? (await readIfThere(path));
  const restarts = await findOutdated(config, { checkout, registry, readFile });
  const own = [join("helm", ".env"), join("helm", "instance", "helm.conf")];
  const concernsHelm = files.some(({ file, action }) => own.includes(file) && action === "change");
  return { files, missing, unknown: findUnknownKeys(config), restarts, concernsHelm };
}

interface FileState {
  readonly current: string | undefined;
  readonly text: string;
  readonly record: WrittenFiles;
}

async function planFile(
  checkout: Checkout,
  file: GeneratedFile,
  { current, text, record }: FileState,
): Promise<FilePlan | undefined> {
  const shown = checkout.display(file.path);
  if (current === undefined) {
    return { file: shown, action: "create", isEdited: false, ...compare(file, "", text) };
  }
  if (current === text) {
    if (((await stat(file.path)).mode & 0o777) === file.mode) return undefined;
    const note = `its permissions have to be ${file.mode.toString(8)}`;
    return { file: shown, action: "permissions", isEdited: false, changes: [], note };
  }
  const edited = isEdited(file, current, text, record);
  return { file: shown, action: "change", isEdited: edited, ...compare(file, current, text) };
}

function compare(
  { kind }: GeneratedFile,
  before: string,
  after: string,
): Pick<FilePlan, "changes" | "note"> {
  const wanted = readEntries(kind, after);
  let found: FileEntry[];
  try {
    found = before === "" ? [] : readEntries(kind, before);
  } catch (error) {
    const reason = error instanceof SyntaxError ? error.message : String(error);
    return { changes: [], note: `what stands there cannot be read: ${reason}` };
  }
  const changes = compareEntries(found, wanted).map((change) => maskEntryChange(kind, change));
  return changes.length > 0
    ? { changes }
    : { changes, note: "only its comments or the order of its lines" };
}

async function planLink(checkout: Checkout, app: string): Promise<FilePlan[]> {
  const link = join(checkout.appFolder(app), "services.json");
  if (link === checkout.servicesFile) return [];
  const target = relative(dirname(link), checkout.servicesFile);
  if ((await readlink(link).catch(() => undefined)) === target) return [];
  const isFile = (await lstat(link).catch(() => undefined))?.isFile() === true;
  const note = `a link to ${target}`;
  const file = checkout.display(link);
  return [{ file, action: "link", isEdited: isFile, changes: [], note }];
}
