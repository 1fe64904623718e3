import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseJsonDocument } from "../config/json_document.ts";

/** One installable app of `apps_registry.json` (contract §6). */
export interface RegisteredApp {
  /** Its short name: folder, URL prefix, database. */
  readonly id: string;
  /** What people call it. */
  readonly name: string;
  readonly port: number;
  readonly required: boolean;
  /** Other apps, or `postgresql`. */
  readonly dependencies: readonly string[];
  readonly install_order: number;
  /** Any git URL or a local path; without one the app is part of this checkout. */
  readonly git_url?: string;
  readonly ref?: string;
  readonly database?: "postgresql";
  /** Whether two of its processes may run at a time (`apps.<name>.rolling_restart`). */
  readonly rolling_restart?: boolean;
  readonly title?: string;
  readonly icon?: string;
  readonly description?: string;
  readonly visible?: boolean;
  readonly admin_only?: boolean;
  readonly billing_or_admin_only?: boolean;
  readonly allowed_levels?: readonly string[];
}

export interface AppRegistry {
  find(id: string): RegisteredApp | undefined;
  /** All apps, each after those that it depends on. */
  list(): readonly RegisteredApp[];
}

const registryFile = join(import.meta.dirname, "apps_registry.json");

/** @throws {Error} naming the file and what is wrong in it */
export function readAppRegistry(file: string = registryFile): AppRegistry {
  try {
    const ordered = orderByDependency(parseApps(readFileSync(file, "utf8")));
    const byId = new Map(ordered.map((app) => [app.id, app]));
    return { find: (id) => byId.get(id), list: () => ordered };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`Cannot use the app registry ${file}: ${reason}`, { cause: error });
  }
}

/**
 * Apps in the order in which they can be installed and started: `install_order`, except where a
 * dependency asks for another.
 *
 * @throws {Error} for a dependency that nobody registered, or a circle, which it names
 */
export function orderByDependency(apps: readonly RegisteredApp[]): RegisteredApp[] {
  const byId = new Map(apps.map((app) => [app.id, app]));
  const ordered = new Set<RegisteredApp>();
  const add = (app: RegisteredApp, path: readonly string[]): void => {
    if (path.includes(app.id)) {
      throw new Error(`apps depend on each other in a circle: ${[...path, app.id].join(" → ")}`);
    }
    for (const id of app.dependencies) {
      if (id === "postgresql") continue;
      const dependency = byId.get(id);
      if (dependency === undefined) throw new Error(`${app.id} depends on unknown app "${id}"`);
      add(dependency, [...path, app.id]);
    }
    ordered.add(app);
  };
  for (const app of [...apps].sort((a, b) => a.install_order - b.install_order)) add(app, []);
  return [...ordered];
}

function parseApps(text: string): RegisteredApp[] {
  const groups = parseJsonDocument(text).value as Record<string, Record<string, RegisteredApp>>;
  return Object.values(groups).flatMap((group) =>
    Object.entries(group).map(([id, app]) => {
      requireFields(id, app);
      return { ...app, id };
    }),
  );
}

function requireFields(id: string, app: RegisteredApp): void {
  const problem = !/^[a-z][a-z0-9_-]*$/.test(id)
    ? "is no name for an app"
    : typeof app.name !== "string"
      ? "has no name"
      : !Number.isInteger(app.port)
        ? "has no port"
        : !Array.isArray(app.dependencies)
          ? "has no list of dependencies"
          : !Number.isFinite(app.install_order)
            ? "has no install_order"
            : undefined;
  if (problem !== undefined) throw new Error(`app "${id}" ${problem}`);
}
