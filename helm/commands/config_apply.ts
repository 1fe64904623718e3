// What follows a change of the settings: every app's files, and a restart of exactly those that are
// concerned.
import type { Checkout } from "../config/checkout.ts";
import { type SyncReport, syncSaved } from "../config/config_manager.ts";
import { loadMasterConfig } from "../config/master_config.ts";
import { renewNexusCertificate } from "../config/nexus_certificate.ts";
import { connectDaemon } from "../control/control_client.ts";
import { readAppRegistry } from "../install/app_registry.ts";
import { print } from "./output.ts";
import { withProgress } from "./progress.ts";

export interface ApplyOptions {
  /** Whether what runs with former settings is started anew. */
  readonly restarts: boolean;
}

/** Writes every app's files, and has the daemon take them up. */
export async function applyConfig(checkout: Checkout, { restarts }: ApplyOptions): Promise<void> {
  const report = await syncSaved(checkout, readAppRegistry());
  printReport(report);
  const reason = await renewNexusCertificate(checkout, await loadMasterConfig(checkout));
  if (reason !== undefined) print(`Nexus has a new certificate, because ${reason}.`);
  for (const app of report.missing) print(`${app} is configured, but its folder is not there.`);
  if (restarts) await restartOutdated(checkout);
  else if (report.written.length > 0) print('"helm up" restarts what runs with former settings.');
  if (report.written.some((file) => /^helm\/(?:\.env|instance\/helm\.conf)$/.test(file))) {
    print('Helm itself takes up its own settings with "helm restart helm".');
  }
}

/** @throws {ControlError} when one of them does not become ready again */
async function restartOutdated(checkout: Checkout): Promise<void> {
  const daemon = await connectDaemon(checkout);
  if (daemon === undefined) return; // The next "helm up" sees what is outdated.
  const { restarted } = await withProgress(daemon, () => daemon.apply());
  if (restarted.length > 0) print(`Restarted: ${restarted.join(", ")}.`);
}

/** What was written, and what of it somebody had edited. */
export function printReport({ written, kept }: SyncReport): void {
  print(written.length === 0 ? "Every file was up to date." : `Written: ${written.join(", ")}`);
  for (const { file, copy } of kept) {
    print(`${file} had been edited by hand; what it held is kept in ${copy}.`);
  }
}
