import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseJsonDocument } from "../config/json_document.ts";
import { findEntryProblem, type RegisteredApp } from "./app_entry.ts";

export type { RegisteredApp } from "./app_entry.ts";

export interface AppRegistry {
  find(id: string): RegisteredApp | undefined;
  /** All apps, each after those that it depends on. */
  list(): readonly RegisteredApp[];
}

const trackedFile = join(import.meta.dirname, "apps_registry.json");

/** A user's own entries; git does not track it, so that a pull of the checkout never conflicts. */
const ownFile = join(import.meta.dirname, "..", "instance", "apps_registry.json");

/**
 * The apps of the checkout's registry and those that this installation has added. The files are read
 * again when they change; while one is broken, what was read last counts.
 *
 * @throws {Error} naming the file and what is wrong in it
 */
export function readAppRegistry(file: string = trackedFile, added: string = ownFile): AppRegistry {
  let stamp = "";
  let ordered: readonly RegisteredApp[] = [];
  let byId = new Map<string, RegisteredApp>();
  const read = () => {
    const newStamp = `${stampOf(file)} ${stampOf(added)}`;
    if (newStamp === stamp) return;
    stamp = newStamp;
    ordered = readOrdered(file, added);
    byId = new Map(ordered.map((app) => [app.id, app]));
  };
  const readAgain = () => {
    try {
      read();
    } catch {
      // What was read last counts; whoever starts or installs something hears what is wrong.
    }
  };
  read();
  return {
    find(id) {
      readAgain();
      return byId.get(id);
    },
    list() {
      readAgain();
      return ordered;
    },
  };
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

function readOrdered(file: string, added: string): RegisteredApp[] {
  const tracked = explaining(file, () => parseApps(readFileSync(file, "utf8")));
  const own = explaining(added, () => parseOwnApps(readTextIfThere(added)));
  const known = new Set(tracked.map((app) => app.id));
  const twice = own.find((app) => known.has(app.id));
  if (twice !== undefined) {
    throw new Error(
      `Cannot use the app registry ${added}: app "${twice.id}" is in ${file} too; take it out of one`,
    );
  }
  return explaining(own.length === 0 ? file : added, () => orderByDependency([...tracked, ...own]));
}

function parseOwnApps(text: string | undefined): RegisteredApp[] {
  const apps = text === undefined ? [] : parseApps(text);
  const without = apps.find((app) => app.git_url === undefined);
  if (without !== undefined) throw new Error(`app "${without.id}" has no git_url`);
  return apps;
}

function parseApps(text: string): RegisteredApp[] {
  const groups = parseJsonDocument(text).value as Record<string, Record<string, RegisteredApp>>;
  return Object.values(groups).flatMap((group) =>
    Object.entries(group).map(([id, app]) => {
      const problem = findEntryProblem(id, app);
      if (problem !== undefined) throw new Error(`app "${id}" ${problem}`);
      return { ...app, required: app.required ?? false, id };
    }),
  );
}

function explaining<T>(file: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`Cannot use the app registry ${file}: ${reason}`, { cause: error });
  }
}

function readTextIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function stampOf(file: string): string {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? "" : `${found.mtimeNs} ${found.size} ${found.ino}`;
}
