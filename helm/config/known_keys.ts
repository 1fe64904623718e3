// A misspelled key would be a setting that does nothing, so a new one has to be known.
import { didYouMean } from "../control/near_names.ts";
import { flatten } from "./config_changes.ts";
import { getValue } from "./config_values.ts";
import { findRule, masterRules } from "./master_rules.ts";
import { isRecord } from "./value_checks.ts";

/**
 * Why a key cannot be set, or `undefined`. Good are the keys of the rules, what is set already, and
 * what is somebody's own by its place: another database than PostgreSQL, a section of a `.conf`.
 */
export function findKeyProblem(config: unknown, key: string): string | undefined {
  if (getValue(config, key) !== undefined) return undefined;
  const names = key.split(".");
  const apps = appsOf(config);
  if (names[0] === "apps" && names.length > 1 && !apps.includes(names[1] ?? "")) {
    return `there is no app "${names[1]}"${didYouMean(names[1] ?? "", apps)}`;
  }
  if (isOwnPlace(names) || findRule(key) !== undefined) return undefined;
  return `there is no such setting${didYouMean(key, knownKeys(config))}`;
}

/** Every key that a rule knows, with the apps' names for `*`; sections have names of their own. */
export function knownKeys(config: unknown): string[] {
  const keys = masterRules.flatMap(({ key }) => {
    if (!key.includes("*")) return [key];
    return appsOf(config).map((app) => key.replace("*", app));
  });
  return keys.filter((key) => !key.includes("*"));
}

/** Keys in the file that no rule knows: somebody's own, or a slip of whoever edited it by hand. */
export function findUnknownKeys(config: unknown): string[] {
  return [...flatten(config).keys()]
    .filter((key) => !isOwnPlace(key.split(".")) && findRule(key) === undefined)
    .map((key) => `${key} is no setting that Helm knows${didYouMean(key, knownKeys(config))}`);
}

function isOwnPlace([group, name, inner]: readonly string[]): boolean {
  if (group === "databases") return name !== undefined && name !== "postgresql";
  return group === "apps" && inner === "sections";
}

function appsOf(config: unknown): string[] {
  const apps = getValue(config, "apps");
  return isRecord(apps) ? Object.keys(apps) : [];
}
