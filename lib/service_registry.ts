import { readFileSync, statSync } from "node:fs";
import type { Log } from "./log.ts";
import { type PermissionLevel, permissionLevels } from "./token_verifier.ts";

/** How a service is listed in navigation, and who may open it (contract §4, design §4). */
export interface ServiceListing {
  readonly title?: string;
  readonly icon?: string;
  readonly description?: string;
  /** false keeps it out of navigation. */
  readonly visible?: boolean;
  readonly admin_only?: boolean;
  readonly billing_or_admin_only?: boolean;
  readonly allowed_levels?: readonly PermissionLevel[];
}

/** One service of services.json. */
export interface ServiceEntry extends ServiceListing {
  readonly name: string;
  readonly url: string;
}

export interface ServiceRegistry {
  find(name: string): ServiceEntry | undefined;
  /** The same array for as long as nothing changes. */
  list(): readonly ServiceEntry[];
}

/** How long an answer may be older than the file. */
const recheckAfterMs = 500;

/**
 * The services of a services.json that Helm writes; read again when the file changes. While a new
 * version cannot be read, the last good one counts, and the log says why.
 *
 * @throws {Error} at each use until it is mended, when the file is broken from the start; without a
 *   file there are no services
 */
export function createServiceRegistry(file: string, { log }: { log?: Log } = {}): ServiceRegistry {
  let entries: Map<string, ServiceEntry> | undefined;
  let list: readonly ServiceEntry[] = [];
  let stamp = "";
  let checkedAt = Number.NEGATIVE_INFINITY;
  const refresh = (): Map<string, ServiceEntry> => {
    const now = performance.now();
    if (entries !== undefined && now - checkedAt < recheckAfterMs) return entries;
    checkedAt = now;
    try {
      const newStamp = readStamp(file);
      if (entries !== undefined && newStamp === stamp) return entries;
      // A version that cannot be read is looked at once.
      stamp = newStamp;
      entries = newStamp === "" ? new Map() : parseServices(readFileSync(file, "utf8"), file);
      list = [...entries.values()];
    } catch (error) {
      if (entries === undefined) throw error;
      log?.warn("keeping the services as they were", { error });
    }
    return entries;
  };
  return {
    find(name) {
      return refresh().get(name);
    },
    list() {
      refresh();
      return list;
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
    if (!isServiceUrl(url)) {
      refuse(`${name}.url is ${JSON.stringify(url)}, which is no http URL without user or query`);
    }
    if (levels !== undefined && !isLevels(levels)) {
      refuse(`${name}.allowed_levels may only hold ${permissionLevels.join(", ")}`);
    }
    for (const text of ["title", "icon", "description"]) {
      const value = entry[text];
      if (value !== undefined && typeof value !== "string") {
        refuse(`${name}.${text} is ${JSON.stringify(value)}, it must be text`);
      }
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

function isServiceUrl(text: unknown): text is string {
  if (typeof text !== "string" || !URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  // fetch refuses a URL with a user, and a query would swallow the path of every call.
  return /^https?:$/.test(protocol) && username + password + search + hash === "";
}

/** What changes when the file does; empty without a file. */
function readStamp(file: string): string {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat === undefined ? "" : `${stat.mtimeMs} ${stat.size} ${stat.ino}`;
}
