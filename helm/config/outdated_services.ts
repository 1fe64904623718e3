import { isSameProcess, readRunFile } from "../services/run_file.ts";
import { settingsFingerprint } from "../services/settings_fingerprint.ts";
import type { MasterConfig } from "./master_config.ts";
import { type DefinitionParts, serviceDefinitions } from "./service_definitions.ts";

/** The services that run with other settings than those they would be started with. */
export async function findOutdated(
  config: MasterConfig,
  parts: Omit<DefinitionParts, "databases">,
): Promise<string[]> {
  const databases = { ensure: async () => {} };
  const definitions = await serviceDefinitions(config, { ...parts, databases });
  const outdated: string[] = [];
  for (const definition of definitions) {
    const record = await readRunFile(parts.checkout.runDir, definition.name);
    if (record?.settings === undefined || !(await isSameProcess(record))) continue;
    if (record.settings !== settingsFingerprint(definition)) outdated.push(definition.name);
  }
  return outdated;
}
