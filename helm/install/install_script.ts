// An app's own install.sh: somebody else's program, run with a time limit and without our secrets.
import { access, constants, lstat, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isThere } from "./app_places.ts";
import { endMarked, operationMark } from "./operation_mark.ts";
import type { OperationParts } from "./operation_parts.ts";
import { CommandError, runCommand } from "./run_command.ts";

/** Building a Python environment takes minutes on a slow line. */
const defaultTimeoutMs = 1_800_000;

/** @throws {Error} with the end of the script's output, when it fails */
export async function runInstallScript(
  parts: OperationParts,
  app: string,
  folder: string,
): Promise<void> {
  const script = join(folder, "install.sh");
  if (!(await isThere(script))) return parts.say("It has no install.sh.");
  parts.say("Running install.sh");
  const isExecutable = await access(script, constants.X_OK).then(
    () => true,
    () => false,
  );
  try {
    await runCommand(isExecutable ? script : "bash", isExecutable ? [] : [script], {
      folder,
      env: { SERVICE_NAME: app },
      timeoutMs: parts.scriptTimeoutMs ?? defaultTimeoutMs,
      onLine: (line) => parts.say(`  ${line}`),
      mark: operationMark(parts.checkout, app),
      ...(parts.signal !== undefined && { signal: parts.signal }),
    });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const last = error.lines.filter((line) => line.trim() !== "").at(-1);
    throw new Error(`install.sh ${error.message}${last === undefined ? "" : `: ${last.trim()}`}`);
  } finally {
    // What it has started beyond its group; services are for Helm to start.
    await endMarked(parts.checkout, app);
  }
}

/**
 * A Python environment knows its own path and cannot be moved: the programs in it name their
 * interpreter. They are told where it is now.
 */
export async function relocateEnvironments(folder: string, before: string): Promise<void> {
  for (const name of ["pyenv", "venv", ".venv"]) {
    const programs = join(folder, name, "bin");
    const files = (await readdir(programs).catch(() => [])).map((file) => join(programs, file));
    for (const file of [...files, join(folder, name, "pyvenv.cfg")]) {
      await replaceIn(file, before, folder);
    }
  }
}

async function replaceIn(file: string, before: string, after: string): Promise<void> {
  const found = await lstat(file).catch(() => undefined);
  if (found?.isFile() !== true || found.size > 1_000_000) return;
  const text = await readFile(file, "utf8");
  if (text.includes(before)) await writeFile(file, text.replaceAll(before, after));
}
