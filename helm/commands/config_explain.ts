import type { Checkout } from "../config/checkout.ts";
import { explainSetting } from "../config/explain_setting.ts";
import { describeSetting, describeValue } from "../config/explain_text.ts";
import { explainValue, hasValue } from "../config/explain_value.ts";
import { type MasterConfig, readMasterDocument, requireValid } from "../config/master_config.ts";
import { didYouMean } from "../control/near_names.ts";
import { readAppRegistry } from "../install/app_registry.ts";
import { print } from "./output.ts";

export interface ExplainOptions {
  readonly app: string | undefined;
  readonly isJson: boolean;
}

/**
 * `helm config explain <key> [--app X]`: where a value comes from. The key is a variable or an option
 * as the app knows it; without an app, or with one that has none of that name, a key of the settings.
 */
export async function explainConfig(
  checkout: Checkout,
  key: string,
  { app, isJson }: ExplainOptions,
): Promise<void> {
  const document = await readMasterDocument(checkout);
  const config = requireValid(checkout, document.value);
  const registry = readAppRegistry();
  if (app !== undefined && isOfApp(checkout, config, app, key)) {
    const value = await explainValue(checkout, document, registry, { app, key });
    print(...(isJson ? [JSON.stringify(value, null, 2)] : describeValue(value)));
  } else {
    const setting = explainSetting(checkout, document, registry, key);
    print(...(isJson ? [JSON.stringify(setting, null, 2)] : describeSetting(setting)));
  }
}

/** @throws {Error} for an app that there is not */
function isOfApp(checkout: Checkout, config: MasterConfig, app: string, key: string): boolean {
  if (!(app in config.apps)) {
    throw new Error(`There is no app "${app}"${didYouMean(app, Object.keys(config.apps))}`);
  }
  const isSetting = /^(?:system|keycloak|databases|apps)(?:\.|$)/.test(key);
  return hasValue(checkout, config, app, key) || !isSetting;
}
