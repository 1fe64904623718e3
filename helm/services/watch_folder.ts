import { type FSWatcher, readdirSync, watch } from "node:fs";
import path from "node:path";
import type { ServiceDefinition } from "./service_definition.ts";

const libFolder = path.resolve(import.meta.dirname, "../../lib");

/**
 * Calls `restart` when a source file of the service or of lib changes (`helm up --dev`). Several
 * changes in one go, such as a git checkout, lead to one call.
 *
 * Not `recursive: true`: Node 20 would then watch every file below, node_modules and the database's
 * folder included, before we could say what to leave out.
 */
export function watchFolder(
  definition: Pick<ServiceDefinition, "folder">,
  restart: () => void,
  { alsoWatch = [libFolder], debounceMs = 200 }: { alsoWatch?: string[]; debounceMs?: number } = {},
): { close(): void } {
  const watchers = new Map<string, FSWatcher>();
  let timer: NodeJS.Timeout | undefined;

  const noticeChange = () => {
    clearTimeout(timer);
    timer = setTimeout(restart, debounceMs);
  };
  const unwatchTree = (folder: string) => {
    for (const [watched, watcher] of watchers) {
      if (watched !== folder && !watched.startsWith(folder + path.sep)) continue;
      watcher.close();
      watchers.delete(watched);
    }
  };
  const watchTree = (folder: string) => {
    const below = listFolders(folder);
    if (below === undefined) return;
    const watcher = watch(folder, (_event, name) => {
      if (name === null || isIgnored(name)) return;
      // When it is a folder: made, removed, or another one in the place of the former.
      unwatchTree(path.join(folder, name));
      watchTree(path.join(folder, name));
      noticeChange();
    });
    watchers.set(folder, watcher);
    for (const name of below) watchTree(path.join(folder, name));
  };

  for (const folder of [definition.folder, ...alsoWatch]) watchTree(folder);
  return {
    close: () => {
      clearTimeout(timer);
      for (const watcher of watchers.values()) watcher.close();
    },
  };
}

/** Names of the folders in it that are watched too; `undefined` when it is none (any more). */
function listFolders(folder: string): string[] | undefined {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && !isIgnored(entry.name))
      .map((entry) => entry.name);
  } catch {
    return undefined;
  }
}

/** What a service writes itself, what others wrote, and tests: no reason to start it anew. */
function isIgnored(name: string): boolean {
  const isGenerated = name === "node_modules" || name === "instance" || name === "services.json";
  return isGenerated || /^\.|\.test\.ts$|~$|\.log$/.test(name);
}
