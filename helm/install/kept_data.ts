// What an uninstalled app leaves behind: its settings, secrets included, and its files. A later
// installation under the same name takes them up again.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { readIfThere, writeFileAtomically } from "../config/atomic_file.ts";
import type { AppConfig } from "../config/master_config.ts";
import { type AppPlaces, namesIn, removeFolder } from "./app_places.ts";

/** Where the files are. */
export function keptFiles({ kept }: AppPlaces): string {
  return join(kept, "files");
}

export async function keepSettings({ kept }: AppPlaces, settings: AppConfig): Promise<void> {
  await mkdir(kept, { recursive: true, mode: 0o700 });
  await writeFileAtomically(join(kept, "app.json"), `${JSON.stringify(settings, null, 2)}\n`);
}

export async function readKeptSettings({ kept }: AppPlaces): Promise<AppConfig | undefined> {
  const text = await readIfThere(join(kept, "app.json"));
  return text === undefined ? undefined : (JSON.parse(text) as AppConfig);
}

/** The kept files, as `movePaths` takes them. */
export async function listKeptPaths(places: AppPlaces): Promise<string[]> {
  return await listMovable(keptFiles(places));
}

/** The names in a folder; of `instance/` what is in it, because the other side has one too. */
export async function listMovable(folder: string): Promise<string[]> {
  const names = await namesIn(folder);
  const inInstance = (await namesIn(join(folder, "instance"))).map((name) =>
    join("instance", name),
  );
  return [...names.filter((name) => name !== "instance"), ...inInstance];
}

export async function removeKept({ kept }: AppPlaces): Promise<void> {
  await removeFolder(kept);
}
