import type { Checkout } from "./checkout.ts";
import { getValue, setValue } from "./config_values.ts";
import { readMasterDocument, saveMasterConfig } from "./master_config.ts";
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
  const whole = missing.reduce<unknown>((config, key) => setValue(config, key, newSecret()), value);
  await saveMasterConfig(checkout, whole, { command: "helm up" });
  return missing;
}
