// What a master configuration has to hold: one rule a key, checked where the file enters. Keys that
// no rule names are somebody's own and pass as they are.
import { nearNames } from "../control/near_names.ts";
import { managementPort } from "./identity_settings.ts";
import type { MasterConfig } from "./master_config.ts";
import {
  type Check,
  confText,
  fileOrUrl,
  flag,
  host,
  httpBaseUrl,
  httpUrl,
  identifier,
  ipAddress,
  isRecord,
  listOf,
  matching,
  oneOf,
  port,
  record,
  recordOf,
  secret,
  sha256,
  text,
  wholeNumber,
} from "./value_checks.ts";

/** The first rule that is broken. */
export interface Problem {
  readonly key: string;
  /** The value as it may be shown; `undefined` when there is none. */
  readonly shown: string | undefined;
  /** What would be right, completing "it has to be …". */
  readonly expected: string;
  /** Of a missing one: keys beside it that may have been meant for it. */
  readonly meant?: readonly string[];
}

const realmName = matching(/^[\w-]+$/, "a name of letters, digits, - and _", "sample");

export interface Rule {
  /** Dotted; `*` stands for every name at its place. */
  readonly key: string;
  readonly check: Check;
  readonly isOptional?: true;
  /** Of an optional one: what counts while it is not set. */
  readonly absent?: string;
  /** Never shown, not even when it is wrong. */
  readonly isSecret?: true;
}

/** nexus/limits.ts has their meaning and their defaults; the least is what a browser cannot do without. */
const nexusLimits: Readonly<Record<string, Check>> = {
  header_bytes: wholeNumber(8192, 1_048_576),
  header_count: wholeNumber(50, 5000),
  address_bytes: wholeNumber(2048, 1_048_576),
  header_seconds: wholeNumber(1, 3600),
  body_idle_seconds: wholeNumber(1, 86_400),
  keep_alive_seconds: wholeNumber(1, 3600),
  connections_per_address: wholeNumber(10, 1_000_000),
  sign_in_requests_per_minute: wholeNumber(10, 1_000_000),
};

/** lib/password_throttle.ts has theirs. */
const providerLimits: Readonly<Record<string, Check>> = {
  failures_per_address: wholeNumber(10, 1_000_000),
  failures_per_user_and_address: wholeNumber(3, 1000),
  failures_per_user: wholeNumber(3, 1_000_000),
};

export const masterRules: readonly Rule[] = [
  { key: "system", check: record },
  { key: "system.hostname", check: host },
  { key: "system.environment", check: oneOf("development", "production") },
  { key: "system.secret_key", check: secret, isSecret: true },
  { key: "system.log_level", check: oneOf("DEBUG", "INFO", "WARN", "ERROR") },
  { key: "system.jwt_issuer", check: text },
  { key: "system.port_offset", check: wholeNumber(0, 57_000) },
  {
    key: "system.public_url",
    check: httpUrl,
    isOptional: true,
    absent: "the host name and Nexus's port",
  },
  // At most the 12 hours of ASVS 4.0.3 §3.3.2, level 2 (R10); an idle limit of 0 is none.
  {
    key: "system.session_lifetime_seconds",
    check: wholeNumber(60, 43_200),
    isOptional: true,
    absent: "an hour",
  },
  {
    key: "system.session_idle_seconds",
    check: wholeNumber(0, 43_200),
    isOptional: true,
    absent: "no limit but the absolute one",
  },
  { key: "keycloak", check: record },
  { key: "keycloak.mode", check: oneOf("embedded", "server", "external") },
  { key: "keycloak.url", check: httpBaseUrl },
  { key: "keycloak.realm", check: realmName },
  { key: "keycloak.client_id", check: text },
  { key: "keycloak.client_secret", check: secret, isSecret: true },
  { key: "keycloak.admin_username", check: text },
  { key: "keycloak.admin_password", check: text, isSecret: true },
  { key: "keycloak.admin_client_id", check: text, isOptional: true, absent: "helm" },
  { key: "keycloak.admin_client_secret", check: secret, isOptional: true, isSecret: true },
  {
    key: "keycloak.archive",
    check: fileOrUrl,
    isOptional: true,
    absent: "the release that Helm names, from where Keycloak is published",
  },
  {
    key: "keycloak.archive_sha256",
    check: sha256,
    isOptional: true,
    absent: "that of the release that Helm names",
  },
  {
    key: "keycloak.management_port",
    check: port,
    isOptional: true,
    absent: "9000 and the port offset",
  },
  { key: "databases", check: record },
  { key: "databases.postgresql", check: record },
  { key: "databases.postgresql.mode", check: oneOf("embedded", "external") },
  { key: "databases.postgresql.host", check: host },
  { key: "databases.postgresql.port", check: port },
  { key: "databases.postgresql.admin_user", check: identifier },
  { key: "databases.postgresql.admin_password", check: text, isSecret: true },
  { key: "apps", check: record },
  ...["core", "nexus", "helm", "keycloak"].map((app) => ({ key: `apps.${app}`, check: record })),
  { key: "apps.*", check: record },
  { key: "apps.*.port", check: port },
  { key: "apps.*.service_secret", check: secret, isSecret: true },
  { key: "apps.*.runtime", check: oneOf("node", "python"), isOptional: true, absent: "node" },
  { key: "apps.*.database", check: oneOf("postgresql"), isOptional: true },
  { key: "apps.*.db_name", check: identifier, isOptional: true },
  { key: "apps.*.db_user", check: identifier, isOptional: true },
  { key: "apps.*.db_password", check: text, isOptional: true, isSecret: true },
  {
    key: "apps.*.dependencies",
    check: listOf(text),
    isOptional: true,
    absent: "as the app registry says, else core",
  },
  {
    key: "apps.*.processes",
    check: wholeNumber(1, 99),
    isOptional: true,
    absent: "one for each core of the machine, up to four",
  },
  { key: "apps.*.bind_address", check: host, isOptional: true, absent: "127.0.0.1" },
  { key: "apps.*.tls", check: flag, isOptional: true, absent: "false" },
  { key: "apps.*.tls_cert_file", check: text, isOptional: true, absent: "the one that Helm made" },
  { key: "apps.*.tls_key_file", check: text, isOptional: true, absent: "the one that Helm made" },
  {
    key: "apps.*.redirect_port",
    check: wholeNumber(0, 65_535),
    isOptional: true,
    absent: "0, which is nowhere",
  },
  {
    key: "apps.*.trusted_proxies",
    check: listOf(ipAddress),
    isOptional: true,
    absent: "this machine's, where system.public_url is set; else none",
  },
  ...limitRules("nexus", nexusLimits),
  ...limitRules("keycloak", providerLimits),
  { key: "apps.*.log_retention_days", check: wholeNumber(1, 3650), isOptional: true },
  { key: "apps.*.log_max_lines", check: wholeNumber(10_000, 100_000_000), isOptional: true },
  { key: "apps.*.log_max_megabytes", check: wholeNumber(10, 1_000_000), isOptional: true },
  {
    key: "apps.*.update_check_hours",
    check: wholeNumber(0, 168),
    isOptional: true,
    absent: "1; 0 is never",
  },
  { key: "apps.*.legacy_service_token", check: flag, isOptional: true, absent: "false" },
  {
    key: "apps.*.rolling_restart",
    check: flag,
    isOptional: true,
    absent: "as the app registry says, or as a copy of Template can",
  },
  { key: "apps.*.sections", check: record, isOptional: true },
  { key: "apps.*.sections.*", check: record, isOptional: true },
  { key: "apps.*.sections.*.*", check: confText, isOptional: true, isSecret: true },
  { key: "apps.*.title", check: text, isOptional: true },
  { key: "apps.*.icon", check: text, isOptional: true },
  { key: "apps.*.description", check: text, isOptional: true },
  { key: "apps.*.visible", check: flag, isOptional: true },
  { key: "apps.*.admin_only", check: flag, isOptional: true },
  { key: "apps.*.billing_or_admin_only", check: flag, isOptional: true },
  {
    key: "apps.*.allowed_levels",
    check: listOf(oneOf("admin", "technician", "billing", "client")),
    isOptional: true,
  },
];

function limitRules(app: string, limits: Readonly<Record<string, Check>>): Rule[] {
  const key = `apps.${app}.limits`;
  const each = Object.entries(limits).map(
    ([name, check]): Rule => ({
      key: `${key}.${name}`,
      check,
      isOptional: true,
      absent: "the service's own default",
    }),
  );
  return [{ key, check: recordOf(Object.keys(limits)), isOptional: true }, ...each];
}

/** The first thing wrong with a master configuration, or `undefined`. */
export function findProblem(config: unknown): Problem | undefined {
  if (!isRecord(config)) {
    return { key: "the document", shown: JSON.stringify(config), expected: record.expected };
  }
  for (const rule of masterRules) {
    for (const [key, value] of expand(config, rule.key.split("."))) {
      const isFine = value === undefined ? rule.isOptional === true : rule.check.accepts(value);
      if (isFine) continue;
      const shown = value === undefined ? undefined : rule.isSecret ? "wrong" : show(value);
      const problem = { key, shown, expected: rule.check.expected };
      return value === undefined
        ? { ...problem, meant: nearNames(key, strangers(config, key)) }
        : problem;
    }
  }
  return findNameProblem(config) ?? findDatabaseProblem(config) ?? findPortProblem(config);
}

/** `apps.core.port is "banana", it has to be a whole number from 1 to 65535` */
export function describeProblem({ key, shown, expected, meant = [] }: Problem): string {
  const is = shown === undefined ? "is missing" : `is ${shown}`;
  const stranger = meant[0] === undefined ? "" : ` (${meant[0]} is there, which nobody reads)`;
  return `${key} ${is}${stranger}, it has to be ${expected}`;
}

/** Whether the value of a key is for nobody's eyes. */
export function isSecretKey(key: string): boolean {
  const names = key.split(".");
  // A key without a rule may still be a secret; its name usually says so.
  if (/(?:secret|password|token|api_key|private)/i.test(names.at(-1) ?? "")) {
    return !names.includes("legacy_service_token");
  }
  return findRule(key)?.isSecret === true;
}

/** Keys in the same group that no rule knows. */
function strangers(config: Record<string, unknown>, key: string): string[] {
  const names = key.split(".").slice(0, -1);
  const group = names.reduce<unknown>((value, name) => isRecord(value) && value[name], config);
  const keys = isRecord(group) ? Object.keys(group).map((name) => [...names, name].join(".")) : [];
  return keys.filter((each) => findRule(each) === undefined);
}

/** The rule of a key; `undefined` for one that is somebody's own. */
export function findRule(key: string): Rule | undefined {
  const names = key.split(".");
  return masterRules.find((rule) => {
    const pattern = rule.key.split(".");
    const isSame = pattern.length === names.length;
    return isSame && pattern.every((name, index) => name === "*" || name === names[index]);
  });
}

/** Every key that a pattern stands for, with its value; a `*` below something missing is no key. */
function* expand(
  value: unknown,
  pattern: readonly string[],
  path: readonly string[] = [],
): Generator<[key: string, value: unknown]> {
  const [name, ...rest] = pattern;
  if (name === undefined) return yield [path.join("."), value];
  if (!isRecord(value)) {
    if (!pattern.includes("*")) yield [[...path, ...pattern].join("."), undefined];
    return;
  }
  const names = name === "*" ? Object.keys(value) : [name];
  for (const each of names) yield* expand(value[each], rest, [...path, each]);
}

function findNameProblem(config: Record<string, unknown>): Problem | undefined {
  const name = Object.keys(config["apps"] as object).find((app) => !/^[a-z][a-z0-9_-]*$/.test(app));
  if (name === undefined) return undefined;
  // The name becomes a path, a URL prefix and a database name.
  const expected = "named with a-z, 0-9, - and _, beginning with a letter";
  return { key: `apps.${name}`, shown: "named wrongly", expected };
}

function findDatabaseProblem(config: Record<string, unknown>): Problem | undefined {
  for (const [app, settings] of Object.entries(config["apps"] as Record<string, object>)) {
    if (!("database" in settings)) continue;
    for (const name of ["db_name", "db_user", "db_password"]) {
      if (name in settings) continue;
      const expected = `there because apps.${app}.database is set`;
      return { key: `apps.${app}.${name}`, shown: undefined, expected };
    }
  }
  return undefined;
}

interface AppPorts {
  readonly port: number;
  readonly redirect_port?: number;
}

function findPortProblem(config: Record<string, unknown>): Problem | undefined {
  const { postgresql } = config["databases"] as { postgresql: { mode: string; port: number } };
  const owners = new Map<number, string>();
  if (postgresql.mode === "embedded") owners.set(postgresql.port, "databases.postgresql.port");
  const apps = Object.entries(config["apps"] as Record<string, AppPorts>);
  const ports = apps.flatMap(([app, { port: own, redirect_port = 0 }]): [string, number][] => [
    [`apps.${app}.port`, own],
    [`apps.${app}.redirect_port`, redirect_port],
  ]);
  ports.push(["keycloak.management_port", serverPort(config)]);
  for (const [key, number] of ports.filter(([, one]) => one !== 0)) {
    const owner = owners.get(number);
    if (owner !== undefined) {
      return { key, shown: String(number), expected: `another than that of ${owner}` };
    }
    owners.set(number, key);
  }
  return undefined;
}

/** The second port of a Keycloak that Helm runs; 0 when it runs none. */
function serverPort(config: Record<string, unknown>): number {
  const { keycloak, system } = config as Pick<MasterConfig, "keycloak" | "system">;
  return keycloak.mode === "server" ? managementPort({ keycloak, system }) : 0;
}

function show(value: unknown): string {
  const shown = JSON.stringify(value);
  return shown.length > 60 ? `${shown.slice(0, 57)}…` : shown;
}
