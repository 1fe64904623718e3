import type { Checkout } from "../config/checkout.ts";
import { loadMasterConfig } from "../config/master_config.ts";
import { type ControlClient, ControlError, connectDaemon } from "../control/control_client.ts";
import { withProgress } from "./progress.ts";
import { showReady, showUnready } from "./readiness.ts";

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
  if (!isDetached) {
    const { runInForeground } = await import("./foreground.ts");
    return await runInForeground(checkout, { isDev });
  }
  const { spawnDaemon } = await import("../control/spawn_daemon.ts");
  return await report(checkout, await spawnDaemon(checkout, { isDev }));
}

async function report(checkout: Checkout, daemon: ControlClient): Promise<boolean> {
  try {
    await showReady(checkout, await withProgress(daemon, () => daemon.wait()));
    return true;
  } catch (error) {
    if (!(error instanceof ControlError && error.isAnswer)) throw error;
    showUnready(await daemon.status());
    return false;
  }
}
