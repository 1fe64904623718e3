import { setTimeout as pause } from "node:timers/promises";
import type { Checkout } from "../config/checkout.ts";
import { WrittenFiles } from "../config/written_files.ts";
import {
  type ControlClient,
  connectDaemon,
  type ServiceAction,
} from "../control/control_client.ts";
import { readLiveDaemon } from "../control/daemon_file.ts";
import type { PlatformStatus } from "../control/platform_status.ts";
import type { ServiceStatus } from "../services/service_status.ts";
import { print } from "./output.ts";
import { withProgress } from "./progress.ts";
import { statusTable } from "./status_table.ts";

/** `helm status`: every service with its state; without a daemon, what it left running. */
export async function status(
  checkout: Checkout,
  { isJson, isWide }: { isJson: boolean; isWide: boolean },
): Promise<void> {
  const found = await readStatus(checkout);
  const edited = await (await WrittenFiles.load(checkout)).findEdited();
  if (isJson) return print(JSON.stringify({ ...found, edited }, null, 2));
  print(statusTable(found.services, { isWide }));
  if (found.problem !== undefined) print("", found.problem);
  if (edited.length > 0) {
    print(
      "",
      `Edited by hand: ${edited.join(", ")} ("helm config plan" shows what would replace it)`,
    );
  }
}

/** The state of every service, also of what a daemon that is gone has left running. */
export async function readStatus(checkout: Checkout): Promise<PlatformStatus> {
  const daemon = await connectDaemon(checkout);
  return daemon === undefined ? await inspectWithoutDaemon(checkout) : await daemon.status();
}

/**
 * `helm start|stop|restart <service…>`: done one after the other, in the order given.
 *
 * @throws {Error} with what has failed, when all that can be done is done
 */
export async function act(
  checkout: Checkout,
  action: ServiceAction,
  names: readonly string[],
): Promise<void> {
  const failures: Error[] = [];
  for (const name of names) {
    await actOn(checkout, action, name).catch((error: Error) => failures.push(error));
  }
  const reasons = new Set(failures.map(({ message }) => message));
  if (reasons.size > 1) throw new Error([...reasons].join("; "));
  if (failures[0] !== undefined) throw failures[0];
}

async function actOn(checkout: Checkout, action: ServiceAction, name: string): Promise<void> {
  // Each time anew: after a restart of Helm it is another one.
  const daemon = await requireDaemon(checkout);
  if (name === "helm") return await actOnHelm(checkout, daemon, action);
  const former = action === "restart" ? findService(await daemon.status(), name) : undefined;
  const service = findService(await withProgress(daemon, () => daemon.act(name, action)), name);
  print(describeService(name, service, former?.pid));
}

/** `helm restart` without a name: everything but Helm itself, what others depend on first. */
export async function restartAll(checkout: Checkout): Promise<void> {
  const daemon = await requireDaemon(checkout);
  print(statusTable((await withProgress(daemon, () => daemon.restartAll())).services));
}

async function inspectWithoutDaemon(checkout: Checkout): Promise<PlatformStatus> {
  // Loaded only here: it takes longer than asking the daemon.
  const { readUnsupervisedStatus } = await import("../control/unsupervised_status.ts");
  const { readAppRegistry } = await import("../install/app_registry.ts");
  return await readUnsupervisedStatus(checkout, readAppRegistry());
}

async function requireDaemon(checkout: Checkout): Promise<ControlClient> {
  const daemon = await connectDaemon(checkout);
  if (daemon !== undefined) return daemon;
  throw new Error('Helm is not running: start everything with "helm up --detach"');
}

/** The daemon cannot restart itself: it ends, the services run on, and a new one takes them over. */
async function actOnHelm(
  checkout: Checkout,
  daemon: ControlClient,
  action: ServiceAction,
): Promise<void> {
  if (action === "stop") throw new Error('Helm ends with everything else: use "helm down"');
  if (action === "start") return print("helm is running.");
  const before = await daemon.status();
  const { prepareDaemon, spawnDaemon } = await import("../control/spawn_daemon.ts");
  // While the old one runs, and goes on to run where the new one could not.
  const command = await prepareDaemon(checkout);
  await daemon.shutdown({ keepServices: true });
  while ((await readLiveDaemon(checkout))?.pid === daemon.pid) await pause(20);
  const restarted = await spawnDaemon(checkout, { isDev: before.isDev, command });
  await restarted.wait().catch(async (error: Error) => {
    // What was not ready before is not this restart's doing.
    const ready = namesOfReady(await restarted.status());
    if (!namesOfReady(before).every((name) => ready.includes(name))) throw error;
  });
  print(`helm is ready, process ${restarted.pid}.`);
}

function namesOfReady({ services }: PlatformStatus): string[] {
  return services.filter(({ state }) => state === "ready").map(({ name }) => name);
}

function findService({ services }: PlatformStatus, name: string): ServiceStatus | undefined {
  return services.find((each) => each.name === name);
}

/** @param restarted its process before the restart: one that keeps others stays and replaces those */
function describeService(
  name: string,
  service: ServiceStatus | undefined,
  restarted: number | undefined,
): string {
  const { pid, state = "gone" } = service ?? {};
  const process = pid === undefined ? "" : `, process ${pid}`;
  const kept = pid !== undefined && pid === restarted ? "; those that serve are new" : "";
  return `${name} is ${state}${process}${kept}.`;
}
