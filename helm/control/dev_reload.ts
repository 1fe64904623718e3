import { statSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "@hivematrix/lib/log";
import type { ServiceDefinition } from "../services/service_definition.ts";
import { watchFolder } from "../services/watch_folder.ts";

/** `helm up --dev`: restarts a service when its sources change. */
export class DevReload {
  readonly #restart: (name: string) => Promise<void>;
  readonly #log: Log;
  #watchers: { close(): void }[] = [];

  constructor(restart: (name: string) => Promise<void>, log: Log) {
    this.#restart = restart;
    this.#log = log;
  }

  get isWatching(): boolean {
    return this.#watchers.length > 0;
  }

  /** Watches those of the services that have sources here. */
  watch(definitions: readonly ServiceDefinition[]): void {
    if (this.isWatching) return;
    const ours = definitions.filter(({ folder }) => hasSources(folder));
    this.#watchers = ours.map((definition) =>
      watchFolder(definition, () => void this.#reload(definition.name)),
    );
  }

  close(): void {
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = [];
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
