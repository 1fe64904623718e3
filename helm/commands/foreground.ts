import { appendFileSync, mkdirSync } from "node:fs";
import { createLog } from "@hivematrix/lib/log";
import type { Checkout } from "../config/checkout.ts";
import { closeOnceOnSignal, startDaemon } from "../control/daemon.ts";
import { logFile } from "../control/log_tail.ts";
import { readAppRegistry } from "../install/app_registry.ts";
import { print } from "./output.ts";
import { withProgress } from "./progress.ts";
import { showReady, showUnready } from "./readiness.ts";

/**
 * The daemon in this very process, until Ctrl-C; its log goes to the same file as otherwise.
 *
 * @returns whether all became ready
 */
export async function runInForeground(
  checkout: Checkout,
  { isDev }: { isDev: boolean },
): Promise<boolean> {
  mkdirSync(checkout.logDir, { recursive: true, mode: 0o700 });
  const file = logFile(checkout.logDir, "helm");
  const write = (line: string) => appendFileSync(file, line, { mode: 0o600 });
  const log = createLog("helm", { write });
  const starting = startDaemon({ checkout, registry: readAppRegistry(), log, isDev });
  closeOnceOnSignal(starting, () => print("", "Stopping everything …"));
  const { platform, ended } = await starting;
  const isReady = await withProgress(platform, () => platform.waitUntilReady()).then(
    () => true,
    () => false,
  );
  if (isReady) await showReady(checkout, await platform.status());
  else showUnready(await platform.status());
  print("Press Ctrl-C to stop everything.");
  await ended;
  return isReady;
}
