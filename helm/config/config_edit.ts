// A change of the master configuration as somebody asks for it, on the command line or on a page.
import { getValue, parseValue, setValue, unsetValue } from "./config_values.ts";
import { findKeyProblem } from "./known_keys.ts";

export interface EditOptions {
  /** Takes a key that no rule knows. */
  readonly isOwnKey?: boolean;
}

/**
 * The configuration with a key set to what somebody typed.
 *
 * @throws {Error} for a key that cannot be, with the one that may have been meant
 */
export function editValue(
  config: unknown,
  key: string,
  typed: string,
  { isOwnKey = false }: EditOptions = {},
): unknown {
  const problem = isOwnKey ? undefined : findKeyProblem(config, key);
  if (problem !== undefined) {
    throw new Error(`Cannot set ${key}: ${problem}`);
  }
  return followPort(setValue(config, key, parseValue(typed, getValue(config, key))), key);
}

/** The configuration without a key. @throws {Error} when it is not set */
export function removeValue(config: unknown, key: string): unknown {
  return followPort(unsetValue(config, key), key);
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
