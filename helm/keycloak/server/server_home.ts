import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { buildWords, type ServerPlace, serverCommand } from "./server_command.ts";

/** Says, in the folder, with what words the server in it was built; written last. */
const buildRecord = "hivematrix-build.txt";

/**
 * Unpacks an archive and builds the server for our database, all under another name: the folder is
 * there whole or not at all, also when somebody else makes the same one at the same time.
 *
 * @param archive a tar.gz whose checksum has been verified
 * @throws {Error} with what tar or the build said
 */
export async function makeServerHome(
  { java, home }: ServerPlace,
  archive: string,
  { tell = () => {}, signal }: MakeOptions = {},
): Promise<void> {
  const temporary = `${home}${temporaryMark}${process.pid}`;
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true, mode: 0o700 });
  try {
    tell("unpacking");
    await unpack(archive, temporary, signal);
    tell("building");
    await build({ java, home: temporary }, signal);
    await writeFile(join(temporary, buildRecord), buildWords.join("\n"));
    await putInPlace(temporary, home);
  } finally {
    await rm(temporary, { recursive: true, force: true, maxRetries: 5 });
  }
}

export interface MakeOptions {
  /** Told "unpacking" and "building" as it comes to that. */
  readonly tell?: (step: string) => void;
  readonly signal?: AbortSignal | undefined;
}

const temporaryMark = ".making-";

/** Whether the folder holds a whole server, built as this Helm would build it. */
export async function isServerBuilt(home: string): Promise<boolean> {
  const built = await readFile(join(home, buildRecord), "utf8").catch(() => undefined);
  return built === buildWords.join("\n");
}

/** Removes what attempts that were killed half-way have left; one that goes on is left alone. */
export async function removeHalfMade(home: string): Promise<void> {
  const prefix = `${basename(home)}${temporaryMark}`;
  const names = await readdir(dirname(home)).catch(() => []);
  for (const name of names.filter((each) => each.startsWith(prefix))) {
    if (isRunning(Number(name.slice(prefix.length)))) continue;
    await rm(join(dirname(home), name), { recursive: true, force: true });
  }
}

/**
 * The version that an archive holds; its one folder is named after it.
 *
 * @throws {Error} for something else than Keycloak's distribution
 */
export async function readArchiveVersion(archive: string): Promise<string> {
  // Enough for the first name, which tar prints at once; it would read on to the end otherwise.
  const list = 'tar -tzf "$0" 2>/dev/null | head -n 1';
  const { stdout } = await promisify(execFile)("/bin/sh", ["-c", list, archive]);
  const version = /^(?:\.\/)?keycloak-(\d[\w.-]*)\//.exec(stdout)?.[1];
  if (version !== undefined) return version;
  throw new Error(`Cannot use ${archive}: it is no tar.gz of Keycloak's distribution`);
}

async function putInPlace(temporary: string, home: string): Promise<void> {
  if (await isServerBuilt(home)) return; // Somebody else was faster, and made the same.
  const isThere = await stat(home).catch(() => undefined);
  // Built for a former Helm: nothing but the server itself was ever kept in there.
  if (isThere !== undefined) await rm(home, { recursive: true, force: true });
  await rename(temporary, home).catch(async (error: unknown) => {
    if (!(await isServerBuilt(home))) throw error;
  });
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

async function unpack(archive: string, folder: string, signal?: AbortSignal): Promise<void> {
  // The archive's one folder is named after the version, which the name of ours says already.
  const words = ["-xzf", archive, "-C", folder, "--strip-components=1", "--no-same-owner"];
  await run("tar", words, folder, signal).catch((error: Error) => {
    throw new Error(`Cannot unpack ${archive}: ${error.message}`, { cause: error });
  });
}

async function build(place: ServerPlace, signal?: AbortSignal): Promise<void> {
  const [program, ...words] = serverCommand(place, buildWords);
  await run(program, words, place.home, signal).catch((error: Error) => {
    throw new Error(`Cannot build Keycloak: ${error.message}`, { cause: error });
  });
}

/** @throws {Error} with the end of what the program printed */
async function run(
  program: string,
  words: readonly string[],
  cwd: string,
  signal?: AbortSignal,
): Promise<void> {
  const env = { PATH: process.env["PATH"], HOME: process.env["HOME"] };
  const options = { cwd, env, maxBuffer: 64 * 1024 * 1024, ...(signal && { signal }) };
  await promisify(execFile)(program, words, options).catch((error: unknown) => {
    const { stdout = "", stderr = "", message } = error as Error & Record<string, string>;
    const said = `${stdout}\n${stderr}`.trim().split("\n").slice(-5).join("; ");
    throw new Error(said === "" ? message : said, { cause: error });
  });
}
