import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { readlink, realpath, stat } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { findPlainUser, type PlainUser } from "./plain_user.ts";
import { findPostgresBinaries, programIn } from "./postgres_binaries.ts";

/** Where the embedded PostgreSQL is, and who runs it. */
export interface PostgresPlace {
  /** The real data folder. */
  readonly dataDir: string;
  /** Where a link to the data folder belongs, when it is outside of the checkout. */
  readonly linkedFrom?: string;
  /** The folder with `bin`, `lib` and `share`. */
  readonly binaries: string;
  /** What to copy there first, when the user cannot reach the original. */
  readonly copyFrom?: string;
  /** Set when Helm is root. */
  readonly user?: PlainUser;
}

/**
 * Decides where PostgreSQL runs, and changes nothing yet (but for a system user that root may make).
 *
 * Usually nothing is special: the binaries of npm, the data in `helm/instance/postgres`, our own user.
 * But PostgreSQL refuses to run as root. When Helm is root it runs as a plain system user, and that
 * one has to reach both. In a checkout below a folder that is closed to others (`mktemp -d`, `/root`)
 * it cannot; only then the binaries are copied, once for each version, and the data is kept, below
 * `outside`. `helm/instance/postgres` becomes a link to it, so that a checkout keeps its data when it
 * is moved, and a new checkout in an old one's path does not find the old one's.
 *
 * @param outside where root puts what the plain user cannot reach in the checkout
 */
export async function postgresPlace({
  dataDir,
  outside = "/var/lib/hivematrix",
}: {
  dataDir: string;
  outside?: string;
}): Promise<PostgresPlace> {
  const { folder, version } = findPostgresBinaries();
  if (process.getuid?.() !== 0) return { dataDir, binaries: folder };

  const user = (await ownerOf(dataDir)) ?? (await findPlainUser());
  const canReachBinaries = await canRun(user, programIn(folder, "postgres"));
  const copy = path.join(outside, `postgresql-${version}`);
  return {
    ...(await placeData(dataDir, user, outside)),
    user,
    ...(canReachBinaries ? { binaries: folder } : { binaries: copy, copyFrom: folder }),
  };
}

async function placeData(dataDir: string, user: PlainUser, outside: string) {
  // Decided once: data that exists is never left behind for an empty folder elsewhere.
  if (existsSync(dataDir)) return { dataDir: await realpath(dataDir) };
  await refuseBrokenLink(dataDir);
  if (await canEnter(user, nearestFolder(dataDir))) return { dataDir };
  const folder = path.join(outside, `data-${randomBytes(6).toString("hex")}`);
  return { dataDir: path.join(folder, "postgres"), linkedFrom: dataDir };
}

/** Of the folders on the way to a path, the last one that there is. */
function nearestFolder(file: string): string {
  const parent = path.dirname(file);
  return existsSync(parent) ? parent : nearestFolder(parent);
}

async function refuseBrokenLink(dataDir: string): Promise<void> {
  const target = await readlink(dataDir).catch(() => undefined);
  if (target === undefined) return;
  throw new Error(
    `Cannot start postgres: ${dataDir} leads to ${target}, which is gone; put it back, or remove the link to begin with an empty database`,
  );
}

/** Whoever owns the data already goes on with it, also when another user would be chosen today. */
async function ownerOf(dataDir: string): Promise<PlainUser | undefined> {
  const owner = await stat(dataDir).catch(() => undefined);
  return owner === undefined || owner.uid === 0 ? undefined : { uid: owner.uid, gid: owner.gid };
}

// Tried instead of computed from modes: access lists, mounts and containers have a say too.
async function canRun(user: PlainUser, program: string): Promise<boolean> {
  return tryAs(user, program, ["--version"]);
}

async function canEnter(user: PlainUser, folder: string): Promise<boolean> {
  return tryAs(user, "/bin/sh", ["-c", 'cd "$0"', folder]);
}

async function tryAs(user: PlainUser, command: string, args: string[]): Promise<boolean> {
  try {
    await promisify(execFile)(command, args, { ...user, cwd: "/" });
    return true;
  } catch {
    return false;
  }
}
