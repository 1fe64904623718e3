import { readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { themeName, writeTheme } from "../theme_files.ts";

/**
 * Puts the theme into an unpacked server where it differs from what is there: of an older Helm, or
 * edited in a place where edits do not last.
 *
 * @returns whether anything was changed
 */
export async function installTheme(home: string): Promise<boolean> {
  const target = join(home, "themes", themeName);
  const temporary = `${target}.new`;
  await writeTheme(temporary);
  if (await areSame(temporary, target)) {
    await rm(temporary, { recursive: true });
    return false;
  }
  await rm(target, { recursive: true, force: true });
  await rename(temporary, target);
  // What Keycloak has compressed of the old one, under the same addresses.
  await rm(join(home, "data", "tmp", "kc-gzip-cache"), { recursive: true, force: true });
  return true;
}

async function areSame(from: string, target: string): Promise<boolean> {
  const [wanted, found] = await Promise.all([readTree(from), readTree(target)]);
  return JSON.stringify([...wanted]) === JSON.stringify([...found]);
}

/** Every file below a folder with its content, in order of their paths; empty without one. */
async function readTree(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile());
  const contents = await Promise.all(
    files.map(async (entry): Promise<[string, string]> => {
      const file = join(entry.parentPath, entry.name);
      return [file.slice(folder.length), await readFile(file, "base64")];
    }),
  );
  return new Map(contents.sort(([one], [other]) => (one < other ? -1 : 1)));
}
