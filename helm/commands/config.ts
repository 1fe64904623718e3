import type { Checkout } from "../config/checkout.ts";
import { type SyncReport, syncAll, writeConf, writeDotenv } from "../config/config_manager.ts";
import {
  getValue,
  maskSecrets,
  parseValue,
  setValue,
  unsetValue,
} from "../config/config_values.ts";
import {
  loadMasterConfig,
  type MasterConfig,
  readMasterDocument,
  saveMasterConfig,
} from "../config/master_config.ts";
import { isSecretKey } from "../config/master_rules.ts";
import { renewNexusCertificate } from "../config/nexus_certificate.ts";
import { readAppRegistry } from "../install/app_registry.ts";
import { print } from "./output.ts";
import { readSecret } from "./read_secret.ts";

/** `helm config show`: the master configuration, its secrets masked. */
export async function showConfig(checkout: Checkout): Promise<void> {
  const { value } = await readMasterDocument(checkout);
  print(JSON.stringify(maskSecrets(value), null, 2));
}

/** `helm config get <key>`: one value as it is, a group of values with its secrets masked. */
export async function getConfig(checkout: Checkout, key: string): Promise<void> {
  const value = getValue((await readMasterDocument(checkout)).value, key);
  if (value === undefined) throw new Error(`${key} is not set`);
  if (typeof value === "object") print(JSON.stringify(maskSecrets(value, key), null, 2));
  else print(String(value));
}

/**
 * `helm config set <key> [value]`: saves the value and brings every app's files up to date.
 *
 * @param typed without it the value comes from standard input
 * @throws {Error} for a secret as an argument: every user of the machine can read arguments
 */
export async function setConfig(
  checkout: Checkout,
  key: string,
  typed: string | undefined,
): Promise<void> {
  if (typed !== undefined && isSecretKey(key)) {
    throw new Error(
      `Cannot set ${key} from an argument, which other users of this machine could read; run "helm config set ${key}" and type it, or pipe it in`,
    );
  }
  const { value: config } = await readMasterDocument(checkout);
  const entered = typed ?? (await readSecret(`${key}: `));
  const value = parseValue(entered, getValue(config, key));
  await save(checkout, setValue(config, key, value), key);
  print(isSecretKey(key) ? `${key} is set.` : `${key} is ${JSON.stringify(value)}.`);
  await syncConfig(checkout);
}

export async function unsetConfig(checkout: Checkout, key: string): Promise<void> {
  await save(checkout, unsetValue((await readMasterDocument(checkout)).value, key), key);
  print(`${key} is not set any more.`);
  await syncConfig(checkout);
}

/** `helm config sync-all` */
export async function syncConfig(checkout: Checkout): Promise<void> {
  const config = await loadMasterConfig(checkout);
  const synced = await syncAll(checkout, config, readAppRegistry());
  report(synced);
  const reason = await renewNexusCertificate(checkout, config);
  if (reason !== undefined) print(`Nexus has a new certificate, because ${reason}.`);
  for (const app of synced.missing) print(`${app} is configured, but its folder is not there.`);
}

/** `helm config write-dotenv <app>` */
export async function writeAppDotenv(checkout: Checkout, app: string): Promise<void> {
  report(await writeDotenv(checkout, await requireApp(checkout, app), app));
}

/** `helm config write-conf <app>` */
export async function writeAppConf(checkout: Checkout, app: string): Promise<void> {
  report(await writeConf(checkout, await requireApp(checkout, app), app));
}

async function save(checkout: Checkout, config: unknown, key: string): Promise<void> {
  await saveMasterConfig(checkout, followPort(config, key));
}

/**
 * Unless somebody else runs the identity provider, its address follows its port. Not with any other
 * change: the address of a provider elsewhere is set before the mode that makes it count.
 */
function followPort(config: unknown, changed: string): unknown {
  const port = getValue(config, "apps.keycloak.port");
  const isElsewhere = getValue(config, "keycloak.mode") === "external" || port === undefined;
  if (isElsewhere || !["apps.keycloak.port", "keycloak.mode"].includes(changed)) return config;
  return setValue(config, "keycloak.url", `http://127.0.0.1:${port}`);
}

async function requireApp(checkout: Checkout, app: string): Promise<MasterConfig> {
  const config = await loadMasterConfig(checkout);
  if (app in config.apps) return config;
  const known = Object.keys(config.apps).join(", ");
  throw new Error(`There is no app "${app}", there are: ${known}`);
}

function report({ written, kept }: SyncReport): void {
  for (const { file, copy } of kept) {
    print(`${file} had been edited by hand; what it held is kept in ${copy}.`);
  }
  if (written.length === 0) {
    print("Every file was up to date.");
    return;
  }
  // Helm sees by itself whose environment has changed; services.json is read anew by whoever uses it.
  const isSeen = written.every((file) => /(?:\.env|services\.json)$/.test(file));
  const how = isSeen ? '"helm up" restarts what runs with the former one' : '"helm restart"';
  print(`Written: ${written.join(", ")}`, `To take it up: ${how}.`);
}
