// The master configuration by dotted keys, as people name them on the command line.
import { isSecretKey } from "./master_rules.ts";
import { isRecord } from "./value_checks.ts";

const masked = "********";

/** The value of a key, or `undefined`. */
export function getValue(config: unknown, key: string): unknown {
  let value = config;
  for (const name of key.split(".")) {
    // Only own keys: `constructor` and the like are nobody's setting.
    value = isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  }
  return value;
}

/** A copy with the key set; objects on the way are made. @throws {Error} when something else is in the way */
export function setValue(config: unknown, key: string, value: unknown): unknown {
  return change(config, key, (parent, name) => {
    parent[name] = value;
  });
}

/** A copy without the key. @throws {Error} when there is no such key */
export function unsetValue(config: unknown, key: string): unknown {
  if (getValue(config, key) === undefined) throw new Error(`Cannot unset ${key}: it is not set`);
  return change(config, key, (parent, name) => {
    delete parent[name];
  });
}

/** A copy in which nobody can read a secret. */
export function maskSecrets(value: unknown, key = ""): unknown {
  if (isRecord(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => {
        return [name, maskSecrets(inner, key === "" ? name : `${key}.${name}`)];
      }),
    );
  }
  return isSecretKey(key) ? masked : value;
}

/**
 * A value as typed on a command line: JSON where it is JSON, else the text itself. Where the old
 * value is a text the new one is too, so that a password `12345` stays one.
 */
export function parseValue(typed: string, old: unknown): unknown {
  if (typeof old === "string") return typed;
  try {
    return JSON.parse(typed);
  } catch {
    return typed;
  }
}

function change(
  config: unknown,
  key: string,
  act: (parent: Record<string, unknown>, name: string) => void,
): unknown {
  const names = key.split(".");
  const last = names.pop() ?? "";
  if ([...names, last].some((name) => name === "" || name === "__proto__")) {
    throw new Error(`Cannot use "${key}" as a key: write it like apps.core.port`);
  }
  const copy = structuredClone(config);
  let parent = copy;
  for (const [index, name] of names.entries()) {
    if (!isRecord(parent)) break;
    if (!Object.hasOwn(parent, name)) parent[name] = {};
    parent = parent[name];
    if (isRecord(parent)) continue;
    throw new Error(
      `Cannot set ${key}: ${names.slice(0, index + 1).join(".")} is a value, not a group`,
    );
  }
  act(parent as Record<string, unknown>, last);
  return copy;
}
