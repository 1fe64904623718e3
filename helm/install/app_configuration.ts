// An app's part of the master configuration, put in and taken out.
import { isBlockedPort } from "../config/blocked_ports.ts";
import { changeSettings } from "../config/change_settings.ts";
import type { Checkout } from "../config/checkout.ts";
import { syncSaved } from "../config/config_manager.ts";
import { setValue } from "../config/config_values.ts";
import type { AppConfig, MasterConfig } from "../config/master_config.ts";
import { nextFreePort, probePort } from "../config/port_probe.ts";
import type { AppRegistry } from "./app_registry.ts";

/** New apps get ports from here on; below are the platform's own (contract §6). */
export const firstAppPort = 5050;

export interface ConfigParts {
  readonly checkout: Checkout;
  readonly registry: AppRegistry;
}

/** Puts an app in, and writes every file that follows from it. */
export async function addAppConfig(
  { checkout, registry }: ConfigParts,
  app: string,
  settings: AppConfig,
): Promise<void> {
  const add = (current: unknown) => setValue(current, `apps.${app}`, settings);
  await changeSettings(checkout, add, { command: `helm: ${app} added` });
  await syncSaved(checkout, registry);
}

/** Takes an app out; safe to repeat. */
export async function removeAppConfig(
  { checkout, registry }: ConfigParts,
  app: string,
): Promise<void> {
  const remove = (current: unknown) => {
    const { apps, ...others } = current as MasterConfig;
    const { [app]: _, ...rest } = apps;
    return { ...others, apps: rest };
  };
  await changeSettings(checkout, remove, { command: `helm: ${app} taken out` });
  await syncSaved(checkout, registry);
}

/** @returns the wanted port if it can be had, else the next free one for apps */
export async function choosePort(config: MasterConfig, wanted: number): Promise<number> {
  if (isUnused(config, wanted) && (await probePort(wanted)) === "free") return wanted;
  let port = await nextFreePort(firstAppPort + config.system.port_offset);
  while (!isUnused(config, port)) port = await nextFreePort(port + 1);
  return port;
}

/** @throws {Error} naming who has the port */
export async function requirePort(config: MasterConfig, port: number): Promise<number> {
  const owner = Object.entries(config.apps).find(([, app]) => app.port === port)?.[0];
  if (owner !== undefined) throw new Error(`port ${port} belongs to ${owner}`);
  if (isBlockedPort(port)) throw new Error(`browsers and programs refuse to open port ${port}`);
  if (!isUnused(config, port) || (await probePort(port)) !== "free") {
    throw new Error(`port ${port} is taken on this machine`);
  }
  return port;
}

function isUnused({ apps, databases }: MasterConfig, port: number): boolean {
  const taken = Object.values(apps).flatMap((app) => [app.port, app.redirect_port]);
  return !isBlockedPort(port) && ![...taken, databases.postgresql.port].includes(port);
}
