import type { Checkout } from "../config/checkout.ts";
import { loadMasterConfig } from "../config/master_config.ts";
import { runOperation } from "../control/app_client.ts";
import { readLiveDaemon } from "../control/daemon_file.ts";
import { readAppRegistry } from "../install/app_registry.ts";
import { makeNewApp as makeHere } from "../install/install_app.ts";
import { readJournal } from "../install/journal.ts";
import { ownRegistryFile } from "../install/own_registry.ts";
import { recoverOperation } from "../install/recovery.ts";
import { print } from "./output.ts";

/**
 * `helm new <name>`: a copy of Template as a service of its own, with port, database, secrets and a
 * place in the navigation; started when Helm runs.
 *
 * @throws {Error} naming the name or the step that failed; nothing of the new service remains then
 */
export async function makeNewApp(checkout: Checkout, name: string): Promise<void> {
  await loadMasterConfig(checkout);
  if ((await readLiveDaemon(checkout)) === undefined) await makeWithoutHelm(checkout, name);
  else await makeThroughHelm(checkout, name);
}

async function makeThroughHelm(checkout: Checkout, name: string): Promise<void> {
  const { state, error } = await runOperation(checkout, { kind: "new", app: name }, print);
  if (state !== "succeeded") throw new Error(error);
  print(`Made ${checkout.display(checkout.appFolder(name))}, a copy of template.`);
}

/** Nobody supervises, so nothing is started; killed, it is undone when Helm starts. */
async function makeWithoutHelm(checkout: Checkout, name: string): Promise<void> {
  const registry = readAppRegistry(undefined, ownRegistryFile(checkout));
  const parts = { checkout, registry, hasPostgres: false, say: () => {} };
  const journal = await readJournal(checkout, name);
  if (journal !== undefined) await recoverOperation(parts, journal);
  await makeHere(parts, name);
  print(`Made ${checkout.display(checkout.appFolder(name))}, a copy of template.`);
  print('Start it with "helm up".');
}
