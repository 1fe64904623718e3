// Which keys of the master configuration a value comes from. Nobody lists them: each key is set to
// another value that its rule accepts, and the text of the file shows whether that matters. So the
// answer cannot drift from app_files.ts.
import { flatten } from "./config_changes.ts";
import { getValue, setValue, unsetValue } from "./config_values.ts";
import { knownKeys } from "./known_keys.ts";
import type { MasterConfig } from "./master_config.ts";
import { findProblem, findRule } from "./master_rules.ts";
import { isRecord } from "./value_checks.ts";

/** Something that follows from the configuration; `undefined` where it does not exist. */
export type Derivation = (config: MasterConfig) => string | undefined;

/** The keys, set or not, with which the derived value would change. */
export function findSources(config: MasterConfig, derive: Derivation): string[] {
  const base = derive(config);
  return candidateKeys(config).filter((key) => {
    return variants(config, key).some((changed) => derive(changed) !== base);
  });
}

/** Of several derivations, by name, those that a key has an effect on. */
export function findEffects(
  config: MasterConfig,
  key: string,
  derive: (config: MasterConfig) => ReadonlyMap<string, string>,
): string[] {
  const base = derive(config);
  const effects = new Set<string>();
  for (const changed of variants(config, key)) {
    const others = derive(changed);
    for (const name of new Set([...base.keys(), ...others.keys()])) {
      if (base.get(name) !== others.get(name)) effects.add(name);
    }
  }
  return [...effects];
}

/** What the value would be if the key were not set; `undefined` where it has to be, or nothing would be. */
export function deriveWithout(
  config: MasterConfig,
  key: string,
  derive: Derivation,
): string | undefined {
  const without = unsetValue(config, key);
  return findProblem(without) === undefined ? derive(without as MasterConfig) : undefined;
}

/** Those of the rules, and those that are set without one. */
function candidateKeys(config: MasterConfig): string[] {
  return [...new Set([...knownKeys(config), ...flatten(config).keys()])];
}

/** The configuration with other values for one key, and without it where that may be. */
function variants(config: MasterConfig, key: string): MasterConfig[] {
  const current = getValue(config, key);
  const rule = findRule(key);
  const samples = rule?.check.samples ?? (rule === undefined ? ["sample"] : []);
  const others = samples.filter((sample) => JSON.stringify(sample) !== JSON.stringify(current));
  const changed = others.map((sample) => setValue(config, key, sample));
  const canGo = current !== undefined && !isRecord(current) && rule?.isOptional === true;
  return [...changed, ...(canGo ? [unsetValue(config, key)] : [])] as MasterConfig[];
}
