import { readFileSync, statSync } from "node:fs";
import { type PermissionLevel, permissionLevels } from "./token_verifier.ts";

/** One service of services.json (contract §4, design §4). */
export interface ServiceEntry {
  readonly name: string;
  readonly url: string;
  readonly title?: string;
  readonly icon?: string;
  readonly description?: string;
  /** false keeps it out of navigation. */
  readonly visible?: boolean;
  readonly admin_only?: boolean;
  readonly billing_or_admin_only?: boolean;
  readonly allowed_levels?: readonly PermissionLevel[];
}

export interface ServiceRegistry {
  find(name: string): ServiceEntry | undefined;
  list(): readonly ServiceEntry[];
}

/** How long an answer may be older than the file. */
const recheckAfterMs = 500;

/**
 * The services of a services.json that Helm writes; read again when the file changes. While a new
 * version cannot be read, the last good one counts.
 *
 * @throws {Error} at the first use, when the file is there but broken; without a file there are no services
 */
export function createServiceRegistry(file: string): ServiceRegistry {
  let entries = new Map<string, ServiceEntry>();
  let stamp = "";
  let checkedAt = Number.NEGATIVE_INFINITY;
  const refresh = () => {
    const now = performance.now();
    if (now - checkedAt < recheckAfterMs) return;
    checkedAt = now;
    const newStamp = readStamp(file);
    if (newStamp === stamp) return;
    try {
      entries = newStamp === "" ? new Map() : parseServices(readFileSync(file, "utf8"), file);
      stamp = newStamp;
    } catch (error) {
      if (stamp === "") throw error;
    }
  };
  return {
    find(name) {
      refresh();
      return entries.get(name);
    },
    list() {
      refresh();
      return [...entries.values()];
    },
  };
}

/** @throws {Error} naming file, service, key and value */
export function parseServices(text: string, file: string): Map<string, ServiceEntry> {
  const refuse = (problem: string): never => {
    throw new Error(`Cannot use ${file}: ${problem}`);
  };
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    refuse(error instanceof Error ? error.message : String(error));
  }
  if (!isRecord(parsed)) return refuse("it must hold an object of services");
  const services = new Map<string, ServiceEntry>();
  for (const [name, entry] of Object.entries(parsed)) {
    if (!/^[a-z][a-z0-9_-]*$/.test(name)) refuse(`"${name}" is no name for a service`);
    if (!isRecord(entry)) return refuse(`${name} must be an object`);
    const { url, allowed_levels: levels } = entry;
    if (typeof url !== "string" || !/^https?:$/.test(safeProtocol(url))) {
      refuse(`${name}.url is ${JSON.stringify(url)}, which is no http URL`);
    }
    if (levels !== undefined && !isLevels(levels)) {
      refuse(`${name}.allowed_levels may only hold ${permissionLevels.join(", ")}`);
    }
    for (const flag of ["visible", "admin_only", "billing_or_admin_only"]) {
      const value = entry[flag];
      if (value !== undefined && typeof value !== "boolean") {
        refuse(`${name}.${flag} is ${JSON.stringify(value)}, it must be true or false`);
      }
    }
    services.set(name, { ...entry, name, url: url as string });
  }
  return services;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isLevels(value: unknown): boolean {
  return Array.isArray(value) && value.every((level) => permissionLevels.includes(level));
}

function safeProtocol(url: string): string {
  return URL.canParse(url) ? new URL(url).protocol : "";
}

function readStamp(file: string): string {
  try {
    const { mtimeMs, size, ino } = statSync(file);
    return `${mtimeMs} ${size} ${ino}`;
  } catch {
    return "";
  }
}
