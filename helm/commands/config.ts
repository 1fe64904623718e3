import { changeSettings } from "../config/change_settings.ts";
import type { Checkout } from "../config/checkout.ts";
import { describeChange, findChanges } from "../config/config_changes.ts";
import { editValue, removeValue } from "../config/config_edit.ts";
import { writeConf, writeDotenv } from "../config/config_manager.ts";
import { getValue, maskSecrets } from "../config/config_values.ts";
import { findKeyProblem } from "../config/known_keys.ts";
import {
  loadMasterConfig,
  type MasterConfig,
  readMasterDocument,
} from "../config/master_config.ts";
import { isSecretKey } from "../config/master_rules.ts";
import { didYouMean } from "../control/near_names.ts";
import { type ApplyOptions, applyConfig, printReport } from "./config_apply.ts";
import { print } from "./output.ts";
import { readSecret } from "./read_secret.ts";

/** `helm config show`: the master configuration, its secrets masked. */
export async function showConfig(checkout: Checkout): Promise<void> {
  const { value } = await readMasterDocument(checkout);
  print(JSON.stringify(maskSecrets(value), null, 2));
}

/** `helm config get <key>`: one value as it is, a group of values with its secrets masked. */
export async function getConfig(checkout: Checkout, key: string): Promise<void> {
  const config = (await readMasterDocument(checkout)).value;
  const value = getValue(config, key);
  if (value === undefined) {
    const problem = findKeyProblem(config, key);
    throw new Error(`${key} is not set${problem === undefined ? "" : `: ${problem}`}`);
  }
  if (typeof value === "object") print(JSON.stringify(maskSecrets(value, key), null, 2));
  else print(String(value));
}

export interface SetOptions extends ApplyOptions {
  /** The key is none that Helm knows. */
  readonly isOwnKey: boolean;
}

/**
 * `helm config set <key> [value]`: saves the value, brings every app's files up to date and restarts
 * whom it concerns.
 *
 * @param typed without it the value comes from standard input
 */
export async function setConfig(
  checkout: Checkout,
  key: string,
  typed: string | undefined,
  options: SetOptions,
): Promise<void> {
  const text = await readTyped(key, typed);
  const { before, after } = await changeSettings(
    checkout,
    (current) => editValue(current, key, text, options),
    { command: `helm config set ${key}` },
  );
  const value = getValue(after, key);
  print(isSecretKey(key) ? `${key} is set.` : `${key} is ${JSON.stringify(value)}.`);
  for (const change of findChanges(before, after)) {
    if (change.key !== key && !change.key.startsWith(`${key}.`)) print(describeChange(change));
  }
  await applyConfig(checkout, options);
}

/** @throws {Error} for a secret as an argument: every user of the machine can read arguments */
export async function readTyped(key: string, typed: string | undefined): Promise<string> {
  if (typed !== undefined && isSecretKey(key)) {
    throw new Error(
      `Cannot set ${key} from an argument, which other users of this machine could read; run "helm config set ${key}" and type it, or pipe it in`,
    );
  }
  return typed ?? (await readSecret(`${key}: `));
}

export async function unsetConfig(
  checkout: Checkout,
  key: string,
  options: ApplyOptions,
): Promise<void> {
  const command = `helm config unset ${key}`;
  await changeSettings(checkout, (current) => removeValue(current, key), { command });
  print(`${key} is not set any more.`);
  await applyConfig(checkout, options);
}

/** `helm config write-dotenv <app>` */
export async function writeAppDotenv(checkout: Checkout, app: string): Promise<void> {
  printReport(await writeDotenv(checkout, await requireApp(checkout, app), app));
}

/** `helm config write-conf <app>` */
export async function writeAppConf(checkout: Checkout, app: string): Promise<void> {
  printReport(await writeConf(checkout, await requireApp(checkout, app), app));
}

async function requireApp(checkout: Checkout, app: string): Promise<MasterConfig> {
  const config = await loadMasterConfig(checkout);
  if (app in config.apps) return config;
  const known = Object.keys(config.apps);
  throw new Error(
    `There is no app "${app}", there are: ${known.join(", ")}${didYouMean(app, known)}`,
  );
}
