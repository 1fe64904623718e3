// Checks of single values from outside: each says what would be right.
import { isIP } from "node:net";
import { updateConf } from "@hivematrix/lib/conf_file";
import { isBlockedPort } from "./blocked_ports.ts";

/** What one value has to be. */
export interface Check {
  /** Completes "it has to be …". */
  readonly expected: string;
  /** Some that it accepts, to try what a value has an effect on. */
  readonly samples?: readonly unknown[];
  /** All that it accepts, where these are few; as they are typed. */
  readonly choices?: readonly string[];
  accepts(value: unknown): boolean;
}

export const ipAddress: Check = {
  expected: "an IP address",
  samples: ["192.0.2.1", "2001:db8::1"],
  accepts: (value) => typeof value === "string" && isIP(value) !== 0,
};
export const record: Check = { expected: "an object", accepts: isRecord };
export const text: Check = matching(/^[^\r\n]+$/, "a text of one line", "sample");
export const confText: Check = {
  expected:
    "a text that a .conf file can carry: no carriage return, no white space at either end of a line, no further line that begins with # or ;",
  samples: ["sample"],
  accepts: (value) => typeof value === "string" && isCarriedByConf(value),
};
export const flag: Check = {
  expected: "true or false",
  samples: [true, false],
  choices: ["true", "false"],
  accepts: (value) => typeof value === "boolean",
};
export const port: Check = {
  ...wholeNumber(1, 65_535),
  expected: "a whole number from 1 to 65535, and none that browsers refuse to open, such as 6000",
  samples: [1024, 65_535],
  accepts: (value) => wholeNumber(1, 65_535).accepts(value) && !isBlockedPort(Number(value)),
};
export const identifier: Check = matching(
  /^[a-z_][a-z0-9_]{0,62}$/,
  "a name of a-z, 0-9 and _",
  "sample",
);
export const host: Check = matching(
  /^[A-Za-z0-9.:-]+$/,
  "a host name or an IP address",
  "sample.example",
);
export const secret: Check = matching(
  /^[\x21-\x7e]{16,}$/,
  "16 or more printable characters, no space",
  "a-sample-of-a-secret",
);
export const httpUrl: Check = {
  expected: "an http or https URL without a path",
  samples: ["https://sample.example"],
  accepts: (value) =>
    typeof value === "string" &&
    URL.canParse(value) &&
    /^https?:$/.test(new URL(value).protocol) &&
    new URL(value).pathname === "/",
};

export const httpBaseUrl: Check = {
  expected: "an http or https URL without a query",
  samples: ["https://sample.example/base"],
  accepts: (value) => {
    if (typeof value !== "string" || !URL.canParse(value)) return false;
    const { protocol, search, hash, username } = new URL(value);
    return /^https?:$/.test(protocol) && `${search}${hash}${username}` === "";
  },
};
export const fileOrUrl: Check = {
  expected: "an absolute path or an http or https URL",
  samples: ["/sample"],
  accepts: (value) => typeof value === "string" && /^(?:\/|https?:\/\/)[^\r\n]+$/i.test(value),
};
export const sha256: Check = matching(
  /^[0-9a-f]{64}$/,
  "a SHA-256 of 64 digits 0-9 and a-f",
  "0".repeat(64),
);

/** An object in which a misspelled name would be a setting that does nothing. */
export function recordOf(names: readonly string[]): Check {
  return {
    expected: `an object with nothing but ${names.join(", ")}`,
    accepts: (value) => isRecord(value) && Object.keys(value).every((name) => names.includes(name)),
  };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCarriedByConf(value: string): boolean {
  try {
    updateConf("", { section: { key: value } });
    return true;
  } catch {
    return false;
  }
}

export function matching(pattern: RegExp, expected: string, sample?: string): Check {
  const accepts = (value: unknown) => typeof value === "string" && pattern.test(value);
  return { expected, accepts, ...(sample !== undefined && { samples: [sample] }) };
}

export function wholeNumber(least: number, most: number): Check {
  return {
    expected: `a whole number from ${least} to ${most}`,
    samples: [least, most],
    accepts: (value) => Number.isInteger(value) && Number(value) >= least && Number(value) <= most,
  };
}

export function oneOf(...values: readonly string[]): Check {
  const expected = values.map((value) => JSON.stringify(value)).join(" or ");
  const accepts = (value: unknown) => values.includes(value as string);
  return { expected, samples: values, choices: values, accepts };
}

export function listOf(check: Check): Check {
  return {
    expected: `a list, each of it ${check.expected}`,
    samples: [[], (check.samples ?? []).slice(0, 1)],
    accepts: (value) => Array.isArray(value) && value.every((each) => check.accepts(each)),
  };
}
