import { stat } from "node:fs/promises";
import type { Checkout } from "./checkout.ts";
import { loadMasterConfig, type MasterConfig } from "./master_config.ts";

/** The master configuration as a running Helm sees it. */
export interface ConfigSource {
  /** As the file says now. @throws {MasterConfigError} while it cannot be used */
  read(): Promise<MasterConfig>;
}

/** Reads the file again only when it has changed, so that asking often costs nothing. */
export function createConfigSource(checkout: Checkout): ConfigSource {
  let config: MasterConfig | undefined;
  let stamp = "";
  return {
    async read() {
      const newStamp = await readStamp(checkout.masterConfigFile);
      if (config === undefined || newStamp !== stamp) {
        config = undefined;
        config = await loadMasterConfig(checkout);
        stamp = newStamp;
      }
      return config;
    },
  };
}

async function readStamp(file: string): Promise<string> {
  const found = await stat(file, { bigint: true }).catch(() => undefined);
  return found === undefined ? "" : `${found.mtimeNs} ${found.size} ${found.ino}`;
}
