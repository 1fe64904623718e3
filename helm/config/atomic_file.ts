import { randomBytes } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Bits of the permissions in `mode` of a stat. */
const permissionBits = 0o777;

/**
 * Puts the text in place whole or not at all: a crash, a full disk or a reader in between sees the
 * old file or the new one, never half of it. A folder that has to be made is the owner's alone.
 *
 * @throws {Error} naming the file and the reason; the old file is then intact
 */
export async function writeFileAtomically(
  path: string,
  text: string,
  mode: number = 0o600,
): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${randomBytes(6).toString("hex")}`);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const file = await open(temporary, "wx", mode);
    try {
      // The umask may have taken bits from the mode of `open`, never from that of `chmod`.
      await file.chmod(mode);
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(folder);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`Cannot write ${path}: ${reason}`, { cause: error });
  }
}

/**
 * The same, but a file that has this text and mode already is not touched, so that its time of
 * change means something.
 *
 * @returns whether the file was written
 */
export async function writeIfChanged(path: string, text: string, mode = 0o600): Promise<boolean> {
  const current = await readIfThere(path);
  if (current === text && ((await stat(path)).mode & permissionBits) === mode) return false;
  await writeFileAtomically(path, text, mode);
  return true;
}

/** Removes what a process that was killed while it wrote has left in the folder, a minute later. */
export async function removeUnfinished(folder: string, now: number = Date.now()): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!/^\.(?:.+\.)?[0-9a-f]{12}$/.test(name)) continue;
    const path = join(folder, name);
    const written = await stat(path).catch(() => undefined);
    if (written === undefined || now - written.mtimeMs <= 60_000) continue;
    await rm(path, { recursive: true, force: true });
  }
}

/** The text of a file, or `undefined` when there is none. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** A rename is durable only once its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
