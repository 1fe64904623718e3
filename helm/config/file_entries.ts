// What stands in a generated file, value by value, and what of it may be seen.
import { parseConf } from "@hivematrix/lib/conf_file";
import { parseEnv } from "@hivematrix/lib/env_file";
import { flatten } from "./config_changes.ts";
import type { GeneratedFile } from "./generated_files.ts";

export interface FileEntry {
  /** Of a `.conf`; of services.json the service. */
  readonly section?: string;
  readonly name: string;
  readonly value: string;
}

/** `database.connection_string` is an option of `[database]`, a name without a dot a variable. */
export function splitKey(key: string): { readonly section?: string; readonly name: string } {
  const dot = key.indexOf(".");
  return dot < 0 ? { name: key } : { section: key.slice(0, dot), name: key.slice(dot + 1) };
}

/** One value before and after. */
export interface EntryChange {
  readonly section?: string;
  readonly name: string;
  readonly from?: string;
  readonly to?: string;
}

const masked = "********";

/** @throws {SyntaxError} for a text that nobody could read */
export function readEntries(kind: GeneratedFile["kind"], text: string): FileEntry[] {
  if (kind === "conf") {
    return [...parseConf(text)].flatMap(([section, values]) =>
      [...values].map(([name, value]) => ({ section, name, value })),
    );
  }
  if (kind === "services") {
    return Object.entries(JSON.parse(text) as object).flatMap(([section, settings]) =>
      [...flatten(settings)].map(([name, value]) => ({
        section,
        name,
        value: JSON.stringify(value),
      })),
    );
  }
  return Object.entries(parseEnv(text)).map(([name, value]) => ({ name, value }));
}

/** What differs, in the order of the new text; what goes comes last. */
export function compareEntries(
  before: readonly FileEntry[],
  after: readonly FileEntry[],
): EntryChange[] {
  const nameOf = ({ section, name }: FileEntry) => JSON.stringify([section, name]);
  const [from, to] = [before, after].map(
    (entries) => new Map(entries.map((entry) => [nameOf(entry), entry])),
  ) as [Map<string, FileEntry>, Map<string, FileEntry>];
  return [...new Set([...to.keys(), ...from.keys()])].flatMap((key) => {
    const [old, now] = [from.get(key), to.get(key)];
    const { section, name } = (now ?? old) as FileEntry;
    if (old?.value === now?.value) return [];
    return [
      {
        ...(section !== undefined && { section }),
        name,
        ...(old !== undefined && { from: old.value }),
        ...(now !== undefined && { to: now.value }),
      },
    ];
  });
}

/** An entry's value as anybody may see it. */
export function maskEntry(
  kind: GeneratedFile["kind"],
  { section, name }: Pick<FileEntry, "section" | "name">,
  value: string,
): string {
  if (kind === "services") return value;
  const isPlain = kind === "conf" ? isPlainOption(section ?? "", name) : !isSecretVariable(name);
  return isPlain ? maskCredentials(value) : masked;
}

export function maskEntryChange(kind: GeneratedFile["kind"], change: EntryChange): EntryChange {
  const { from, to } = change;
  return {
    ...change,
    ...(from !== undefined && { from: maskEntry(kind, change, from) }),
    ...(to !== undefined && { to: maskEntry(kind, change, to) }),
  };
}

/** Sections that somebody added are secret whole, as in the master configuration. */
const plainOptions: Readonly<Record<string, readonly string[]>> = {
  database: ["connection_string", "db_host", "db_port", "db_name", "db_user"],
  first_user: ["username", "email", "name"],
  admin_client: ["id"],
};

function isPlainOption(section: string, name: string): boolean {
  return section === "legacy_service_token" || plainOptions[section]?.includes(name) === true;
}

function isSecretVariable(name: string): boolean {
  if (/_FILE$|^LIMIT_|^THROTTLE_/.test(name)) return false;
  return /secret|passw|token|credential|private|(?:^|_)key(?:_|$)/i.test(name);
}

/** `postgresql://user:password@host` */
function maskCredentials(value: string): string {
  return value.replace(/(:\/\/[^:/@\s]*:).*@/s, `$1${masked}@`);
}
