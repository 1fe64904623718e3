import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { buildWords, type ServerPlace, serverCommand } from "./server_command.ts";

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
  { tell = () => {} }: { tell?: (progress: string) => void } = {},
): Promise<void> {
  const temporary = `${home}${temporaryMark}${randomBytes(6).toString("hex")}`;
  await mkdir(temporary, { recursive: true, mode: 0o700 });
  try {
    tell("unpacking");
    await unpack(archive, temporary);
    tell("building");
    await build({ java, home: temporary });
    await rename(temporary, home).catch(async (error: unknown) => {
      // Somebody else was faster, and made the same.
      if (!(await isServerHome(home))) throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true, maxRetries: 5 });
  }
}

const temporaryMark = ".making-";

export async function isServerHome(home: string): Promise<boolean> {
  return await stat(join(home, "lib", "quarkus-run.jar")).then(
    () => true,
    () => false,
  );
}

/** Removes what attempts that were killed half-way have left. Only for a folder that is ours alone. */
export async function removeHalfMade(home: string): Promise<void> {
  const names = await readdir(dirname(home)).catch(() => []);
  for (const name of names.filter((each) => each.startsWith(`${basename(home)}${temporaryMark}`))) {
    await rm(join(dirname(home), name), { recursive: true, force: true });
  }
}

async function unpack(archive: string, folder: string): Promise<void> {
  // The archive's one folder is named after the version, which the name of ours says already.
  const words = ["-xzf", archive, "-C", folder, "--strip-components=1", "--no-same-owner"];
  await run("tar", words, folder).catch((error: Error) => {
    throw new Error(`Cannot unpack ${archive}: ${error.message}`, { cause: error });
  });
}

async function build(place: ServerPlace): Promise<void> {
  const [program, ...words] = serverCommand(place, buildWords);
  await run(program, words, place.home).catch((error: Error) => {
    throw new Error(`Cannot build Keycloak: ${error.message}`, { cause: error });
  });
}

/** @throws {Error} with the end of what the program printed */
async function run(program: string, words: readonly string[], cwd: string): Promise<void> {
  const env = { PATH: process.env["PATH"], HOME: process.env["HOME"] };
  const options = { cwd, env, maxBuffer: 64 * 1024 * 1024 };
  await promisify(execFile)(program, words, options).catch((error: unknown) => {
    const { stdout = "", stderr = "", message } = error as Error & Record<string, string>;
    const said = `${stdout}\n${stderr}`.trim().split("\n").slice(-5).join("; ");
    throw new Error(said === "" ? message : said, { cause: error });
  });
}
