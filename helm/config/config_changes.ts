import { isSecretKey } from "./master_rules.ts";
import { isRecord } from "./value_checks.ts";

/** One key of the master configuration before and after; `undefined` where it is not set. */
export interface ConfigChange {
  readonly key: string;
  readonly from: unknown;
  readonly to: unknown;
}

/** What differs between two states of the master configuration, by dotted key. */
export function findChanges(before: unknown, after: unknown): ConfigChange[] {
  const [from, to] = [flatten(before), flatten(after)];
  const keys = new Set([...from.keys(), ...to.keys()]);
  return [...keys]
    .map((key) => ({ key, from: from.get(key), to: to.get(key) }))
    .filter((change) => JSON.stringify(change.from) !== JSON.stringify(change.to));
}

/** The same, fit to be seen: a secret says only whether there is one. */
export function maskChange({ key, from, to }: ConfigChange): ConfigChange {
  if (!isSecretKey(key)) return { key, from, to };
  const mask = (value: unknown) => (value === undefined ? undefined : "********");
  return { key, from: mask(from), to: mask(to) };
}

/** `system.log_level: "INFO" → "DEBUG"` */
export function describeChange(change: ConfigChange): string {
  const { key, from, to } = maskChange(change);
  const show = (value: unknown) => (value === undefined ? "not set" : JSON.stringify(value));
  const isHidden = isSecretKey(key) && from !== undefined && to !== undefined;
  return isHidden ? `${key}: another secret` : `${key}: ${show(from)} → ${show(to)}`;
}

/** Every value by its dotted key; a list counts as one value. */
export function flatten(config: unknown, prefix = ""): Map<string, unknown> {
  if (!isRecord(config)) return new Map([[prefix, config]]);
  const entries = Object.entries(config).flatMap(([name, value]) => [
    ...flatten(value, prefix === "" ? name : `${prefix}.${name}`),
  ]);
  // An empty group is a value, too: taking it out is a change.
  return entries.length === 0 && prefix !== "" ? new Map([[prefix, {}]]) : new Map(entries);
}
