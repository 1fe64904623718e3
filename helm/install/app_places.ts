// Where an app's files are while something is done with it. All below apps/, so that a rename moves.
import { lstat, mkdir, readdir, rename, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Checkout } from "../config/checkout.ts";

export interface AppPlaces {
  /** `apps/<name>` */
  readonly folder: string;
  /** A new version until it takes the folder's place. Named like the app: scripts may look. */
  readonly preparing: string;
  /** The former version until the new one is known to work. */
  readonly replaced: string;
  /** What an uninstalled app leaves for the day it comes back. */
  readonly kept: string;
}

export function placesOf(checkout: Checkout, app: string): AppPlaces {
  const apps = join(checkout.root, "apps");
  return {
    folder: checkout.appFolder(app),
    preparing: join(apps, ".preparing", app),
    replaced: join(apps, ".replaced", app),
    kept: join(apps, ".kept", app),
  };
}

export async function isThere(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  );
}

/** Removes a folder, and the one around it when it was the last there. */
export async function removeFolder(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 5 });
  await removeIfEmpty(dirname(path));
}

/** Renames a folder, making the one around it. */
export async function moveFolder(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true, mode: 0o755 });
  await rename(from, to);
}

/**
 * Moves what stands at `paths` from one folder to the other; what is there under the same name goes.
 * Safe to repeat, in the other direction too: a path that is not there any more has been moved.
 */
export async function movePaths(from: string, to: string, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    if (!(await isThere(join(from, path)))) continue;
    await rm(join(to, path), { recursive: true, force: true, maxRetries: 5 });
    await mkdir(dirname(join(to, path)), { recursive: true, mode: 0o700 });
    await rename(join(from, path), join(to, path));
  }
}

/** The names in a folder; none where there is no folder. */
export async function namesIn(folder: string): Promise<string[]> {
  return await readdir(folder).catch(() => []);
}

async function removeIfEmpty(folder: string): Promise<void> {
  await rmdir(folder).catch(() => {}); // It is not empty, or gone.
}
