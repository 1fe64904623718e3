// What somebody edited by hand is kept beside the file that replaces it.
import { readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { writeFileAtomically } from "./atomic_file.ts";

/** Of each file. */
const mostKept = 5;

/**
 * Writes `<file>.edited-<time>` with what the file holds, for its owner alone, and drops the oldest
 * beyond five.
 *
 * @returns the copy's path
 */
export async function keepCopy(path: string, text: string, now = new Date()): Promise<string> {
  const copy = `${path}.edited-${now.toISOString().replaceAll(/[-:]/g, "").replace(".", "-")}`;
  await writeFileAtomically(copy, text);
  const prefix = `${basename(path)}.edited-`;
  const copies = (await readdir(dirname(path))).filter((name) => name.startsWith(prefix)).sort();
  for (const name of copies.slice(0, -mostKept)) await rm(join(dirname(path), name));
  return copy;
}
