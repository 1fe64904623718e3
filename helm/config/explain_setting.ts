// What a key of the master configuration is, where it stands, and whom it reaches.
import type { AppRegistry } from "../install/app_registry.ts";
import { appConf, appEnv } from "./app_files.ts";
import type { Checkout } from "./checkout.ts";
import { getValue, maskSecrets } from "./config_values.ts";
import type { JsonDocument } from "./json_document.ts";
import { findKeyProblem } from "./known_keys.ts";
import type { MasterConfig } from "./master_config.ts";
import { findRule, isSecretKey } from "./master_rules.ts";
import { servicesFileText } from "./services_file.ts";
import { findEffects } from "./value_sources.ts";

export interface ExplainedSetting {
  readonly key: string;
  /** Secrets masked; `undefined` where it is not set. */
  readonly value?: unknown;
  readonly isSecret: boolean;
  /** Of one that is set: `helm/instance/configs/master_config.json, line 12`. */
  readonly place?: string;
  /** Of one that is not set: what counts then. */
  readonly absent?: string;
}

export interface SettingWithReach extends ExplainedSetting {
  /** What it has to be, completing "it has to be …". */
  readonly expected?: string;
  /** What the app registry says, which the setting takes precedence over. */
  readonly registry?: unknown;
  /** `core: LOG_LEVEL`, `services.json: template.url`: what changes with it. */
  readonly reaches: readonly string[];
}

export function showSetting(
  checkout: Checkout,
  document: JsonDocument,
  key: string,
): ExplainedSetting {
  const value = getValue(document.value, key);
  const place = placeOfKey(checkout, document, key);
  const absent = findRule(key)?.absent;
  return {
    key,
    isSecret: isSecretKey(key),
    ...(value !== undefined && { value: maskSecrets(value, key) }),
    ...(place !== undefined && { place }),
    ...(value === undefined && absent !== undefined && { absent }),
  };
}

/** `undefined` for a key that is not set. */
export function placeOfKey(
  checkout: Checkout,
  document: JsonDocument,
  key: string,
): string | undefined {
  const place = document.placeOf(key);
  if (place === undefined) return undefined;
  return `${checkout.display(checkout.masterConfigFile)}, line ${place.line}`;
}

/** @throws {Error} for a key that there is not, with what may have been meant */
export function explainSetting(
  checkout: Checkout,
  document: JsonDocument,
  registry: AppRegistry,
  key: string,
): SettingWithReach {
  const config = document.value as MasterConfig;
  const problem = findKeyProblem(config, key);
  if (problem !== undefined) throw new Error(`Cannot explain ${key}: ${problem}`);
  const expected = findRule(key)?.check.expected;
  const registered = registryValue(registry, key);
  return {
    ...showSetting(checkout, document, key),
    ...(expected !== undefined && { expected }),
    ...(registered !== undefined && { registry: registered }),
    reaches: findEffects(config, key, (each) => deriveAll(checkout, each, registry)),
  };
}

function registryValue(registry: AppRegistry, key: string): unknown {
  const [group, app = "", name = "", ...rest] = key.split(".");
  if (group !== "apps" || rest.length > 0 || name === "port") return undefined;
  const registered = registry.find(app) as Readonly<Record<string, unknown>> | undefined;
  return registered?.[name];
}

/** Everything that is written anywhere, by a name for people. */
function deriveAll(
  checkout: Checkout,
  config: MasterConfig,
  registry: AppRegistry,
): Map<string, string> {
  const all = new Map<string, string>();
  for (const app of Object.keys(config.apps)) {
    const env = Object.entries(appEnv(config, app, checkout.appFolder(app)));
    for (const [name, value] of env) all.set(`${app}: ${name}`, value);
    for (const [section, values] of Object.entries(appConf(config, app))) {
      for (const [name, value] of Object.entries(values)) {
        all.set(`${app}: ${section}.${name}`, String(value));
      }
    }
  }
  const services = JSON.parse(servicesFileText(config, registry)) as Record<string, object>;
  for (const [app, settings] of Object.entries(services)) {
    for (const [name, value] of Object.entries(settings)) {
      all.set(`services.json: ${app}.${name}`, JSON.stringify(value));
    }
  }
  return all;
}
