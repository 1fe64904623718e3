// Files with keys in them: written beside their place, so that nobody ever finds half of one.
import { randomUUID } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { SettingsError } from "@hivematrix/lib/settings";

/**
 * Writes a file that only we may read, and hands it over to be put in its place.
 *
 * @param setting for the message: which setting names the file
 * @throws {SettingsError} naming the file
 */
export async function inTemporaryFile(
  setting: string,
  file: string,
  text: string | Buffer,
  place: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = `${file}.${randomUUID()}.new`;
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(temporary, text, { mode: 0o600, flag: "wx", flush: true });
    await place(temporary);
  } catch (error) {
    throw unusable(setting, file, "written", error);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** The file's text, or `undefined` without one. @throws {SettingsError} naming the file */
export async function readKeyFile(setting: string, file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw unusable(setting, file, "read", error);
  }
}

export function unusable(
  setting: string,
  file: string,
  action: string,
  cause: unknown,
): SettingsError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SettingsError(
    `Cannot start core: the file ${file} of ${setting} cannot be ${action} (${reason}); check who owns it and its folder`,
    { cause },
  );
}
