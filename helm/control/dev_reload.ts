import { statSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "@hivematrix/lib/log";
import type { ServiceDefinition } from "../services/service_definition.ts";
import { watchFolder } from "../services/watch_folder.ts";

/** `helm up --dev`: restarts a service when its sources change. */
export class DevReload {
  readonly #restart: (name: string) => Promise<void>;
  readonly #log: Log;
  readonly #watchers = new Map<string, { close(): void }>();

  constructor(restart: (name: string) => Promise<void>, log: Log) {
    this.#restart = restart;
    this.#log = log;
  }

  get isWatching(): boolean {
    return this.#watchers.size > 0;
  }

  /** Watches those of the services that have sources here; those it watches already, no second time. */
  watch(definitions: readonly ServiceDefinition[]): void {
    for (const definition of definitions) {
      const { name, folder } = definition;
      if (this.#watchers.has(name) || !hasSources(folder)) continue;
      this.#watchers.set(
        name,
        watchFolder(definition, () => void this.#reload(name)),
      );
    }
  }

  close(): void {
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  async #reload(name: string): Promise<void> {
    this.#log.info("sources changed, restarting", { name });
    await this.#restart(name).catch((error: unknown) => {
      this.#log.error(`Cannot restart ${name} after a change`, { error });
    });
  }
}

function hasSources(folder: string): boolean {
  return statSync(join(folder, "main.ts"), { throwIfNoEntry: false })?.isFile() ?? false;
}
