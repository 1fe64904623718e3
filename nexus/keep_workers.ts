import type { Log } from "@hivematrix/lib/log";
import { closeOnSignal } from "@hivematrix/lib/serve";
import { announceListening } from "./announce_listening.ts";
import { watchCertificate } from "./certificate_watch.ts";
import type { StartSettings } from "./nexus_settings.ts";
import { FirstWorkerError, Workers } from "./workers.ts";

/** Has several processes serve as one gateway, until a signal ends them all. */
export async function keepWorkers(settings: StartSettings, log: Log): Promise<void> {
  const workers = new Workers(settings.processes, log);
  closeOnSignal(log, workers);
  process.on("SIGHUP", () => workers.reload());
  try {
    if (!(await workers.start())) return;
    announceListening(log, settings);
    // Each worker reads the certificate for itself; what there is to say about it is said here.
    watchCertificate(settings, { log });
  } catch (error) {
    // The worker's own reason is to stand at the end of the log, where people look for it.
    if (error instanceof FirstWorkerError && error.exitCode) process.exit(error.exitCode);
    throw error;
  }
}
