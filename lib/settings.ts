import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseConf } from "./conf_file.ts";
import { parseEnv } from "./env_file.ts";

/** A setting that is missing or cannot be used: the service says so and does not start. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
  readonly isExpected = true;
}

/** The settings that were asked for; a required one is always there. */
export type Settings<Required extends string, Optional extends string> = Readonly<
  Record<Required, string> & Partial<Record<Optional, string>>
>;

/**
 * Reads a service's settings: the environment first (the supervisor passes it), then `.env` in the
 * service's folder (for a start by hand), then `instance/<service>.conf` for names with a dot
 * (`database.connection_string` is `connection_string` in `[database]`).
 *
 * @param folder the service's folder, `import.meta.dirname` of its entry
 * @throws {SettingsError} naming the first required setting that is missing, and the way to mend it
 */
export function readSettings<Required extends string, Optional extends string = never>(
  service: string,
  folder: string,
  required: readonly Required[],
  optional: readonly Optional[] = [],
  env: NodeJS.ProcessEnv = process.env,
): Settings<Required, Optional> {
  const fromFile = parseFile(service, join(folder, ".env"), parseEnv) ?? {};
  // The folder's .env speaks for this service only; the environment might be another service's.
  const isForUs = env["SERVICE_NAME"] === undefined || env["SERVICE_NAME"] === service;
  const confFile = join("instance", `${service}.conf`);
  const conf = parseFile(service, join(folder, confFile), parseConf);
  const find = (key: string): string | undefined => {
    const dot = key.indexOf(".");
    if (dot >= 0) return conf?.get(key.slice(0, dot))?.get(key.slice(dot + 1).toLowerCase());
    return (isForUs ? env[key] : undefined) ?? fromFile[key];
  };

  const found: Record<string, string> = {};
  for (const key of [...required, ...optional]) {
    const value = find(key);
    if (value !== undefined && value !== "") found[key] = value;
  }
  for (const key of required) {
    if (found[key] !== undefined) continue;
    const place = key.includes(".") ? confFile : ".env";
    throw new SettingsError(
      `Cannot start ${service}: ${key} is missing in ${service}/${place}, run "helm config sync-all"`,
    );
  }
  return found as Settings<Required, Optional>;
}

/** @throws {SettingsError} unless the value is a whole number from `least` to `most` */
export function readWholeNumber(
  service: string,
  key: string,
  value: string,
  { least = 0, most = Number.MAX_SAFE_INTEGER }: { least?: number; most?: number } = {},
): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= least && number <= most) return number;
  throw new SettingsError(
    `Cannot start ${service}: ${key} is "${value}", which is no whole number from ${least} to ${most}; mend it with "helm config set" and run "helm config sync-all"`,
  );
}

/** A TCP port, 0 for any free one. @throws {SettingsError} */
export function readPort(service: string, value: string): number {
  return readWholeNumber(service, "PORT", value, { most: 65535 });
}

function parseFile<T>(service: string, file: string, parse: (text: string) => T): T | undefined {
  try {
    return parse(readFileSync(file, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    const reason = error instanceof Error ? error.message : String(error);
    throw new SettingsError(
      `Cannot start ${service}: ${file} cannot be read (${reason}); mend it or run "helm config sync-all"`,
      { cause: error },
    );
  }
}
