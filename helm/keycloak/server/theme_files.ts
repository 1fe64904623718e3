import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";

/** As Keycloak knows it: the name of its folder. */
export const themeName = "hivematrix";

const source = join(import.meta.dirname, "..", "theme");

/** Whether this Helm has a theme for the sign-in pages at all. */
export function hasTheme(): boolean {
  return existsSync(source);
}

/**
 * Puts the theme into an unpacked server where it differs from what is there: of an older Helm, or
 * edited in a place where edits do not last.
 *
 * @returns whether anything was written
 */
export async function installTheme(home: string, from: string = source): Promise<boolean> {
  if (!existsSync(from)) return false;
  const target = join(home, "themes", themeName);
  if (await areSame(from, target)) return false;
  const temporary = `${target}.new`;
  await rm(temporary, { recursive: true, force: true });
  await mkdir(join(home, "themes"), { recursive: true });
  await cp(from, temporary, { recursive: true });
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
