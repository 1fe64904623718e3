import { rm } from "node:fs/promises";
import { copyTemplate } from "../../scripts/new_app.ts";
import type { Checkout } from "../config/checkout.ts";
import { syncAll } from "../config/config_manager.ts";
import { loadMasterConfig, type MasterConfig, saveMasterConfig } from "../config/master_config.ts";
import { newAppConfig } from "../config/new_master_config.ts";
import { nextFreePort } from "../config/port_probe.ts";
import { connectDaemon } from "../control/control_client.ts";
import { readAppRegistry } from "../install/app_registry.ts";
import { print } from "./output.ts";

/** New apps get ports from here on; below are the platform's own (contract §6). */
const firstAppPort = 5050;

/**
 * `helm new <name>`: a copy of Template as a service of its own, with port, database, secrets and a
 * place in the navigation; started when Helm runs.
 *
 * @throws {Error} naming the name or the step that failed; nothing of the new service remains then
 */
export async function makeNewApp(checkout: Checkout, name: string): Promise<void> {
  const config = await loadMasterConfig(checkout);
  const folder = await copyTemplate(checkout.root, name);
  try {
    await register(checkout, config, name);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  print(`Made ${checkout.display(folder)}, a copy of template.`);

  const daemon = await connectDaemon(checkout);
  if (daemon === undefined) {
    print('Start it with "helm up".');
    return;
  }
  const { services } = await daemon.act(name, "start");
  const { state, reason } = services.find((service) => service.name === name) ?? {};
  print(`${name} is ${state ?? "unknown"}${reason === undefined ? "" : `: ${reason}`}`);
}

async function register(checkout: Checkout, config: MasterConfig, name: string): Promise<void> {
  const offset = config.system.port_offset;
  const port = await choosePort(config, firstAppPort + offset);
  const app = newAppConfig({ id: name, port: port - offset, database: "postgresql" }, offset);
  const extended = { ...config, apps: { ...config.apps, [name]: app } };
  await saveMasterConfig(checkout, extended);
  try {
    await syncAll(checkout, extended, readAppRegistry());
  } catch (error) {
    await saveMasterConfig(checkout, config);
    throw error;
  }
}

/** The first port that no app has and nobody listens on. */
async function choosePort(config: MasterConfig, first: number): Promise<number> {
  const isGiven = (port: number) => Object.values(config.apps).some((app) => app.port === port);
  const port = await nextFreePort(first);
  return isGiven(port) ? await choosePort(config, port + 1) : port;
}
