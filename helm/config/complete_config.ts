import { changeSettings } from "./change_settings.ts";
import type { Checkout } from "./checkout.ts";
import { getValue, setValue } from "./config_values.ts";
import { readMasterDocument } from "./master_config.ts";
import { newSecret } from "./secrets.ts";

/** Secrets that came after the first installations: made once, then kept. */
const laterSecrets = ["keycloak.admin_client_secret"];

/**
 * Adds what a master configuration of an older Helm lacks.
 *
 * @returns the keys that were added
 * @throws {MasterConfigError} for a configuration that cannot be used anyway; it stays as it is
 */
export async function completeMasterConfig(checkout: Checkout): Promise<string[]> {
  const { value } = await readMasterDocument(checkout);
  const missing = laterSecrets.filter((key) => getValue(value, key) === undefined);
  if (missing.length === 0) return [];
  const add = (config: unknown, key: string) =>
    getValue(config, key) === undefined ? setValue(config, key, newSecret()) : config;
  await changeSettings(checkout, (current) => missing.reduce(add, current), { command: "helm up" });
  return missing;
}
