import { setTimeout as pause } from "node:timers/promises";
import { createLog } from "@hivematrix/lib/log";
import type { Checkout } from "../config/checkout.ts";
import { loadMasterConfig } from "../config/master_config.ts";
import { serviceDefinitions } from "../config/service_definitions.ts";
import { type ControlClient, ControlError, connectDaemon } from "../control/control_client.ts";
import { removeDaemonFile } from "../control/daemon_file.ts";
import { readAppRegistry } from "../install/app_registry.ts";
import { readProcess } from "../services/process_table.ts";
import { isSameProcess, listRunFiles } from "../services/run_file.ts";
import type { ServiceDefinition } from "../services/service_definition.ts";
import { ServiceManager } from "../services/service_manager.ts";
import { print } from "./output.ts";

/**
 * `helm down`: stops the services in reverse order, and the daemon. Where the daemon was killed,
 * what it left running is found by its run files.
 */
export async function down(checkout: Checkout): Promise<void> {
  const daemon = await connectDaemon(checkout);
  const isDone = daemon !== undefined && (await askDaemon(daemon));
  if (isDone) return;
  const stopped = await stopLeftRunning(checkout);
  await removeDaemonFile(checkout);
  if (stopped.length > 0) print(`Stopped ${stopped.join(", ")}.`);
  else if (daemon === undefined) print("Nothing is running.");
}

/** @returns false when the daemon did not do it and had to be killed */
async function askDaemon(daemon: ControlClient): Promise<boolean> {
  try {
    const { services } = await daemon.status();
    const running = services.flatMap(({ name, pid }) =>
      pid === undefined || name === "helm" ? [] : [name],
    );
    await daemon.shutdown({ keepServices: false });
    await waitUntilGone(daemon.pid);
    print(`Stopped ${[...running.reverse(), "helm"].join(", ")}.`);
    return true;
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    print(`${error.message}; ending it.`);
    killDaemon(daemon.pid);
    await waitUntilGone(daemon.pid);
    return false;
  }
}

async function stopLeftRunning(checkout: Checkout): Promise<string[]> {
  const manager = new ServiceManager({
    definitions: () => findDefinitions(checkout),
    runDir: checkout.runDir,
    logDir: checkout.logDir,
    log: createLog("helm", { level: "warn", write: (line) => process.stderr.write(line) }),
  });
  try {
    const adopted = await manager.adopt();
    await manager.stopAll();
    return adopted;
  } finally {
    manager.close();
  }
}

/** To stop what runs, its name is enough; so a broken configuration does not keep it running. */
async function findDefinitions(checkout: Checkout): Promise<readonly ServiceDefinition[]> {
  try {
    const config = await loadMasterConfig(checkout);
    const databases = { ensure: async () => {} };
    return await serviceDefinitions(config, { checkout, registry: readAppRegistry(), databases });
  } catch {
    const names = await listRunFiles(checkout.runDir);
    return names.map((name) => ({
      name,
      folder: checkout.root,
      command: ["false"],
      env: {},
      dependencies: [],
      isReady: async () => false,
    }));
  }
}

/** Not the daemon's file, which goes a moment before the daemon itself. */
async function waitUntilGone(pid: number): Promise<void> {
  const startTime = (await readProcess(pid))?.startTime;
  while (startTime !== undefined && (await isSameProcess({ pid, startTime }))) await pause(20);
}

function killDaemon(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
