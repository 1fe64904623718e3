import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import {
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { findReason } from "../services/service_log.ts";
import { programIn } from "./postgres_binaries.ts";
import type { PostgresPlace } from "./postgres_place.ts";
import { initialSettings } from "./server_settings.ts";
import { removeStaleLock } from "./stale_lock.ts";

/**
 * Makes the data folder, once, and whatever else has to be there before the server starts. Killed at
 * any moment it leaves either a whole folder or none: initdb works beside it, and the result is moved
 * into place.
 *
 * @param password of the superuser `postgres`, for a folder that is made now
 */
export async function prepareDataFolder(place: PostgresPlace, password: string): Promise<void> {
  await copyBinaries(place);
  if (existsSync(path.join(place.dataDir, "PG_VERSION"))) await removeStaleLock(place.dataDir);
  else await makeDataFolder(place, password);
}

async function refuseForeignFolder(dataDir: string): Promise<void> {
  const names = await readdir(dataDir).catch(() => []);
  if (names.length === 0) return;
  throw new Error(
    `Cannot make the data folder ${dataDir}: it holds ${names.slice(0, 3).join(", ")} and is no data folder of PostgreSQL; move it away`,
  );
}

async function makeDataFolder(place: PostgresPlace, password: string): Promise<void> {
  const { dataDir, user } = place;
  await refuseForeignFolder(dataDir);
  await makeParent(place);
  await removeUnfinished(dataDir);
  // Mode 0700, as mkdtemp makes it, and the user's own.
  const work = await mkdtemp(`${dataDir}.new-`);
  try {
    // A command line is for everyone to see, so the password goes through a file (R31).
    const passwordFile = path.join(work, "password");
    await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
    if (user !== undefined) {
      await chown(passwordFile, user.uid, user.gid);
      await chown(work, user.uid, user.gid);
    }
    const made = path.join(work, "data");
    await runInitdb(place, made, passwordFile);
    await rename(made, dataDir);
    if (place.linkedFrom !== undefined) await symlink(dataDir, place.linkedFrom);
  } catch (error) {
    throw new Error(`Cannot make the data folder ${dataDir}: ${(error as Error).message}`, {
      cause: error,
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function makeParent({ dataDir, linkedFrom }: PostgresPlace): Promise<void> {
  const parent = path.dirname(dataDir);
  await mkdir(parent, { recursive: true });
  if (linkedFrom === undefined) return;
  await mkdir(path.dirname(linkedFrom), { recursive: true });
  // Open to the plain user whatever our umask is.
  await chmod(path.dirname(parent), 0o755);
  await chmod(parent, 0o755);
  // For whoever wonders later what this is and whether it is still in use.
  await writeFile(path.join(parent, "README"), `Database of HiveMatrix in ${linkedFrom}\n`);
}

async function runInitdb(
  { binaries, user }: PostgresPlace,
  folder: string,
  passwordFile: string,
): Promise<void> {
  const options = [
    `--pgdata=${folder}`,
    "--username=postgres",
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    // Built in, so that it sorts alike on every machine, whatever its system library knows.
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    "--data-checksums",
    "--no-instructions",
    ...Object.entries(initialSettings).map(([name, value]) => `--set=${name}=${value}`),
  ];
  const environment = { PATH: process.env["PATH"], LC_ALL: "C" };
  const cwd = path.dirname(folder);
  try {
    const run = promisify(execFile);
    await run(programIn(binaries, "initdb"), options, { ...user, cwd, env: environment });
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    throw new Error(findReason(stderr ?? "") ?? message, { cause: error });
  }
}

/** What an initdb that was killed left. */
async function removeUnfinished(dataDir: string): Promise<void> {
  const parent = path.dirname(dataDir);
  for (const name of await readdir(parent)) {
    if (!name.startsWith(`${path.basename(dataDir)}.new-`)) continue;
    await rm(path.join(parent, name), { recursive: true, force: true });
  }
}

async function copyBinaries({ binaries, copyFrom }: PostgresPlace): Promise<void> {
  if (copyFrom === undefined || existsSync(binaries)) return;
  await mkdir(path.dirname(binaries), { recursive: true, mode: 0o755 });
  const copy = await mkdtemp(`${binaries}.new-`);
  try {
    const target = path.join(copy, "native");
    await cp(copyFrom, target, { recursive: true, verbatimSymlinks: true });
    await openToAll(target);
    await rename(target, binaries);
  } catch (error) {
    // Another checkout may have been quicker; it copied the same.
    if (!existsSync(binaries)) throw error;
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

/** Makes a tree readable for everyone: npm gives files away no further than root's umask lets it. */
async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue;
    const file = path.join(entry.parentPath, entry.name);
    const isExecutable = ((await stat(file)).mode & 0o100) !== 0;
    await chmod(file, isExecutable ? 0o755 : 0o644);
  }
}
