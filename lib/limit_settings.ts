// Limits that a service reads as settings: `header_bytes` is LIMIT_HEADER_BYTES in its .env, written by
// Helm from `apps.<service>.limits.header_bytes`.
import { readWholeNumber } from "./settings.ts";

type SettingOf<Name extends string> = `LIMIT_${Uppercase<Name>}`;

const settingOf = <Name extends string>(name: Name) =>
  `LIMIT_${name.toUpperCase()}` as SettingOf<Name>;

const namesOf = <Name extends string>(defaults: Readonly<Record<Name, number>>) =>
  Object.keys(defaults) as Name[];

/** The names to ask `readSettings` for. */
export function limitSettings<Name extends string>(
  defaults: Readonly<Record<Name, number>>,
): SettingOf<Name>[] {
  return namesOf(defaults).map(settingOf);
}

/** @throws {SettingsError} for a limit that is no whole number from 1 to a thousand million */
export function readLimits<Name extends string>(
  service: string,
  defaults: Readonly<Record<Name, number>>,
  found: Readonly<Record<string, string | undefined>>,
): Record<Name, number> {
  const entries = namesOf(defaults).map((name) => {
    const key = settingOf(name);
    const text = found[key] ?? String(defaults[name]);
    return [name, readWholeNumber(service, key, text, { least: 1, most: 1_000_000_000 })];
  });
  return Object.fromEntries(entries) as Record<Name, number>;
}
