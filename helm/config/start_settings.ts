// What an app is started with, and what it reads of its files at its start.
import { createHash } from "node:crypto";
import { join } from "node:path";
import { parseConf } from "@hivematrix/lib/conf_file";
import { parseEnv } from "@hivematrix/lib/env_file";
import { isPython, isReadOnce } from "./app_files.ts";
import type { MasterConfig } from "./master_config.ts";

/** The text of a file, `undefined` when there is none. */
export type ReadSettingsFile = (path: string) => Promise<string | undefined>;

/** The app's `.env`; of an app in Python the `.flaskenv` too. */
export async function startEnvironment(
  config: MasterConfig,
  app: string,
  folder: string,
  readFile: ReadSettingsFile,
): Promise<Record<string, string>> {
  const names = isPython(config, app) ? [".flaskenv", ".env"] : [".env"];
  const parsed = await Promise.all(names.map((name) => readEnv(join(folder, name), readFile)));
  return Object.assign({}, ...parsed);
}

/**
 * Tells one state of `instance/<app>.conf` from another without giving its secrets away. Comments do
 * not count, nor does what the app reads again while it runs.
 */
export async function settingsDigest(
  app: string,
  folder: string,
  readFile: ReadSettingsFile,
): Promise<string | undefined> {
  const text = await readFile(join(folder, "instance", `${app}.conf`));
  if (text === undefined) return undefined;
  return createHash("sha256").update(countedSettings(app, text)).digest("hex");
}

function countedSettings(app: string, text: string): string {
  try {
    const sections = [...parseConf(text)].filter(([name]) => isReadOnce(app, name));
    const sorted = sections.map(([name, values]) => [name, [...values].sort()] as const);
    return JSON.stringify(sorted.sort(([one], [other]) => (one < other ? -1 : 1)));
  } catch {
    return text; // The service says best what is wrong in it.
  }
}

async function readEnv(file: string, readFile: ReadSettingsFile): Promise<Record<string, string>> {
  try {
    return parseEnv((await readFile(file)) ?? "");
  } catch {
    // The service reads the file itself and says best what is wrong in it.
    return {};
  }
}
