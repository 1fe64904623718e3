// Which values the Tab key offers for an argument: from the installation's files where they have them, else
// from whoever knows, who has to be quick.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Checkout } from "../config/checkout.ts";
import type { MasterConfig } from "../config/master_config.ts";
import { serviceNames } from "../config/service_names.ts";
import type { IdentityAdmin } from "../keycloak/admin_client.ts";
import type { Offer, Place } from "./completion.ts";

export interface Asked extends Place {
  /** A positional's name, or `--option`. */
  readonly argument: string;
  /** How the value begins. */
  readonly begin: string;
}

type Source = (checkout: Checkout, asked: Asked) => readonly Offer[] | Promise<readonly Offer[]>;

/** By command and argument. */
export const valueSources: Readonly<Record<string, Source>> = {
  "start service": services,
  "stop service": services,
  "restart service": services,
  "logs service": services,
  "logs verify service": services,
  "check service": behindNexus,
  "token service": behindNexus,
  "install app": installable,
  "update app": installed,
  "uninstall app": installed,
  "config get key": setKeys,
  "config set key": knownKeys,
  "config set value": (_checkout, { positionals }) => valuesOf(positionals[0] ?? ""),
  "config unset key": removableKeys,
  "config plan change": (checkout, asked) => {
    const isValue = asked.positionals.length % 2 === 1;
    return isValue ? valuesOf(asked.positionals.at(-1) ?? "") : knownKeys(checkout, asked);
  },
  "config explain key": explained,
  "config explain --app": apps,
  "config undo back": changes,
  "config write-dotenv app": apps,
  "config write-conf app": apps,
  "users show user": users,
  "users disable user": users,
  "users enable user": users,
  "users delete user": users,
  "users reset-password user": users,
  "users sign-out user": users,
  "users groups user": users,
  "users groups --add": groups,
  "users groups --remove": groups,
  "users create --group": groups,
  "sessions list person": signedIn,
  "sessions revoke id": sessions,
  "sessions revoke-all user": signedIn,
  "identity migrate --replace": users,
};

/** What may stand there, as far as it is known at once; of a failure nobody wants to hear here. */
export async function findValues(checkout: Checkout, asked: Asked): Promise<readonly Offer[]> {
  const source = valueSources[`${asked.node.path} ${asked.argument}`];
  try {
    return (await source?.(checkout, asked)) ?? [];
  } catch {
    return [];
  }
}

/** What the provider or Core may take, for each question and for all of them. */
const questionTimeoutMs = 1000;

async function inTime<T>(asking: Promise<readonly T[]>): Promise<readonly T[]> {
  const late: Promise<readonly T[]> = pause(questionTimeoutMs, [], { ref: false });
  return await Promise.race([asking, late]);
}

/** As it stands, right or wrong in its values. @throws {Error} without one */
function readConfig({ masterConfigFile }: Checkout): MasterConfig {
  return JSON.parse(readFileSync(masterConfigFile, "utf8"));
}

function services(checkout: Checkout): Offer[] {
  return toOffers(serviceNames(readConfig(checkout)));
}

function apps(checkout: Checkout): Offer[] {
  return toOffers(Object.keys(readConfig(checkout).apps));
}

/** In services.json. */
function behindNexus({ servicesFile }: Checkout, { node }: Asked): Offer[] {
  const names = Object.keys(JSON.parse(readFileSync(servicesFile, "utf8")) as object);
  return toOffers(names.filter((name) => node.path !== "check" || name !== "core"));
}

/** Those with a folder of their own, and so not part of the checkout. */
function installed(checkout: Checkout): Offer[] {
  const names = Object.keys(readConfig(checkout).apps);
  const folder = join(checkout.root, "apps");
  return toOffers(names.filter((name) => dirname(checkout.appFolder(name)) === folder));
}

async function installable(checkout: Checkout): Promise<Offer[]> {
  const { readAppRegistry } = await import("../install/app_registry.ts");
  const { ownRegistryFile } = await import("../install/own_registry.ts");
  const present = new Set(Object.keys(readConfig(checkout).apps));
  const known = readAppRegistry(undefined, ownRegistryFile(checkout)).list();
  return known
    .filter(({ id }) => !present.has(id))
    .map(({ id, title }) => ({ text: id, ...(title !== undefined && { description: title }) }));
}

async function setKeys(checkout: Checkout, { begin }: Asked): Promise<Offer[]> {
  const { flatten } = await import("../config/config_changes.ts");
  return groupKeys([...flatten(readConfig(checkout)).keys()], begin);
}

async function removableKeys(checkout: Checkout, { begin }: Asked): Promise<Offer[]> {
  const { flatten } = await import("../config/config_changes.ts");
  const { findRule } = await import("../config/master_rules.ts");
  const mayGo = (key: string) => {
    const rule = findRule(key);
    return rule === undefined || rule.isOptional === true;
  };
  return groupKeys([...flatten(readConfig(checkout)).keys()].filter(mayGo), begin);
}

async function knownKeys(checkout: Checkout, { begin }: Asked): Promise<Offer[]> {
  return groupKeys(await listKnownKeys(checkout), begin);
}

/** Those of the rules that have a value of their own, and what is somebody's own. */
async function listKnownKeys(checkout: Checkout): Promise<string[]> {
  const { flatten } = await import("../config/config_changes.ts");
  const { knownKeys } = await import("../config/known_keys.ts");
  const config = readConfig(checkout);
  const all = [...new Set([...knownKeys(config), ...flatten(config).keys()])];
  return all.filter((key) => !all.some((other) => other.startsWith(`${key}.`)));
}

/** Settings, and with --app the variables and options that the app is given: names, never values. */
async function explained(checkout: Checkout, { begin, given }: Asked): Promise<Offer[]> {
  const keys = await listKnownKeys(checkout);
  const app = given.get("app");
  if (app === undefined) return groupKeys(keys, begin);
  const { appConf, appEnv } = await import("../config/app_files.ts");
  const config = readConfig(checkout);
  const options = Object.entries(appConf(config, app)).flatMap(([section, values]) =>
    Object.keys(values).map((name) => `${section}.${name}`),
  );
  const variables = Object.keys(appEnv(config, app, checkout.appFolder(app)));
  return [...toOffers([...variables, ...options]), ...groupKeys(keys, begin)];
}

/** More keys than this are offered group by group. */
const mostKeys = 30;

function groupKeys(keys: readonly string[], begin: string): Offer[] {
  const fitting = keys.filter((key) => key.startsWith(begin)).sort();
  if (fitting.length <= mostKeys) return toOffers(fitting);
  const cut = (key: string) => key.slice(0, key.indexOf(".", begin.length) + 1) || key;
  const groups = new Set(fitting.map(cut));
  const [only] = groups;
  // A group that is alone is no choice.
  return groups.size === 1 && only?.endsWith(".") ? groupKeys(keys, only) : toOffers([...groups]);
}

/** Where there are only a few; never what is set now, which may be nobody's business. */
async function valuesOf(key: string): Promise<Offer[]> {
  const { findRule } = await import("../config/master_rules.ts");
  return toOffers(findRule(key)?.check.choices ?? []);
}

async function changes(checkout: Checkout): Promise<Offer[]> {
  const { listStates } = await import("../config/config_history.ts");
  const states = await listStates(checkout, readConfig(checkout));
  // The newest is how it is now.
  return states
    .slice(0, -1)
    .reverse()
    .map(({ id, time, command }) => ({
      text: `c${id}`,
      description: `${time.slice(0, 16).replace("T", " ")} ${command}`,
    }));
}

async function users(checkout: Checkout, { begin }: Asked): Promise<readonly Offer[]> {
  return await askProvider(checkout, async (admin) => {
    const { users } = await admin.listUsers({ search: begin, max: 100 });
    return users.map(({ username, firstName, lastName }) => ({
      text: username,
      description: `${firstName} ${lastName}`.trim(),
    }));
  });
}

async function groups(checkout: Checkout): Promise<readonly Offer[]> {
  return await askProvider(checkout, async (admin) => {
    return toOffers((await admin.listGroups()).map(({ name }) => name));
  });
}

async function askProvider(
  checkout: Checkout,
  ask: (admin: IdentityAdmin) => Promise<Offer[]>,
): Promise<readonly Offer[]> {
  const { adminPlace } = await import("../config/admin_place.ts");
  const { createIdentityAdmin } = await import("../keycloak/admin_client.ts");
  const place = adminPlace(readConfig(checkout));
  const admin = createIdentityAdmin(place, { timeoutMs: questionTimeoutMs });
  try {
    return await inTime(ask(admin));
  } finally {
    await admin.close();
  }
}

async function signedIn(checkout: Checkout): Promise<Offer[]> {
  const sessions = await listSessions(checkout);
  return sessions.map(({ preferred_username: text, name }) => ({ text, description: name }));
}

async function sessions(checkout: Checkout): Promise<Offer[]> {
  const { readDeviceName } = await import("@hivematrix/lib/device_name");
  const sessions = await listSessions(checkout);
  return sessions.map(({ id, preferred_username: user, user_agent: agent }) => ({
    text: id.slice(0, 12),
    description: `${user}, ${readDeviceName(agent)}`,
  }));
}

async function listSessions(checkout: Checkout) {
  const { askCoreAsHelm } = await import("../control/ask_core.ts");
  const core = await import("../control/core_sessions.ts");
  const askCore = askCoreAsHelm(readConfig(checkout), questionTimeoutMs);
  return await inTime(core.listSessions(askCore).then(({ sessions }) => sessions));
}

function toOffers(texts: readonly string[]): Offer[] {
  return texts.map((text) => ({ text }));
}
