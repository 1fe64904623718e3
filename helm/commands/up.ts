import { appendFileSync, mkdirSync } from "node:fs";
import { createLog } from "@hivematrix/lib/log";
import type { Checkout } from "../config/checkout.ts";
import { loadMasterConfig } from "../config/master_config.ts";
import { type ControlClient, ControlError, connectDaemon } from "../control/control_client.ts";
import { startDaemon } from "../control/daemon.ts";
import { logFile } from "../control/log_tail.ts";
import type { PlatformStatus } from "../control/platform_status.ts";
import { readAppRegistry } from "../install/app_registry.ts";
import { print, statusTable, welcome } from "./output.ts";

export interface UpOptions {
  readonly isDev: boolean;
  readonly isDetached: boolean;
}

/**
 * `helm up`: starts what does not run and waits until all is ready. In the foreground it stays, and
 * Ctrl-C stops everything.
 *
 * @returns whether all is ready
 */
export async function up(checkout: Checkout, { isDev, isDetached }: UpOptions): Promise<boolean> {
  const running = await connectDaemon(checkout);
  if (running !== undefined) {
    await running.up({ isDev });
    return await report(checkout, running);
  }
  await loadMasterConfig(checkout); // What is wrong with it is best said here.
  if (!isDetached) return await runInForeground(checkout, isDev);
  const { spawnDaemon } = await import("../control/spawn_daemon.ts");
  return await report(checkout, await spawnDaemon(checkout, { isDev }));
}

async function report(checkout: Checkout, daemon: ControlClient): Promise<boolean> {
  try {
    await showReady(checkout, await daemon.wait());
    return true;
  } catch (error) {
    if (!(error instanceof ControlError && error.isAnswer)) throw error;
    showUnready(await daemon.status());
    return false;
  }
}

async function runInForeground(checkout: Checkout, isDev: boolean): Promise<boolean> {
  mkdirSync(checkout.logDir, { recursive: true, mode: 0o700 });
  const file = logFile(checkout.logDir, "helm");
  const write = (line: string) => appendFileSync(file, line, { mode: 0o600 });
  const log = createLog("helm", { write });
  const daemon = await startDaemon({ checkout, registry: readAppRegistry(), log, isDev });
  const stop = () => {
    print("", "Stopping everything …");
    void daemon.close({ keepServices: false });
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, stop);
  const { platform } = daemon;
  const isReady = await platform.waitUntilReady().then(
    () => true,
    () => false,
  );
  if (isReady) await showReady(checkout, await platform.status());
  else showUnready(await platform.status());
  print("Press Ctrl-C to stop everything.");
  await daemon.ended;
  return isReady;
}

async function showReady(checkout: Checkout, status: PlatformStatus): Promise<void> {
  const { keycloak } = await loadMasterConfig(checkout);
  const user = { username: keycloak.admin_username, password: keycloak.admin_password };
  print(statusTable(status.services), "", ...welcome(status, user));
}

function showUnready({ services, problem }: PlatformStatus): void {
  const unready = services.filter(({ state }) => state !== "ready").map(({ name }) => name);
  print(statusTable(services), "");
  if (problem !== undefined) print(problem);
  print(
    `Not ready: ${unready.join(", ")}. The rest keeps running, and Helm keeps trying.`,
    `Look with "helm logs ${unready[0]}", mend the cause, then "helm restart ${unready[0]}".`,
  );
}
