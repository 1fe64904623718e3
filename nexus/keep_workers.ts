import type { Log } from "@hivematrix/lib/log";
import { closeOnSignal } from "@hivematrix/lib/serve";
import { announceListening } from "./announce_listening.ts";
import { watchCertificate } from "./certificate_watch.ts";
import { readNexusSettings, type StartSettings } from "./nexus_settings.ts";
import { Replacement } from "./replacement.ts";
import { WorkerStartError, Workers } from "./workers.ts";

/** Has several processes serve as one gateway, until a signal ends them all. */
export async function keepWorkers(settings: StartSettings, log: Log): Promise<void> {
  const folder = import.meta.dirname;
  const workers = new Workers(settings.processes, log);
  closeOnSignal(log, workers);
  process.on("SIGHUP", () => workers.reload());
  let certificate: ReturnType<typeof watchCertificate>;
  const replacement = new Replacement({
    folder,
    log,
    async replace() {
      const next = readNexusSettings(folder);
      if (!(await workers.replace(next.processes))) return false;
      certificate?.close();
      certificate = watchCertificate(next, { log });
      announceListening(log, next);
      return true;
    },
  });
  try {
    if (!(await workers.start())) return;
    replacement.offer();
    announceListening(log, settings);
    // Each worker reads the certificate for itself; what there is to say about it is said here.
    certificate = watchCertificate(settings, { log });
  } catch (error) {
    // The worker's own reason is to stand at the end of the log, where people look for it.
    if (error instanceof WorkerStartError && error.exitCode) process.exit(error.exitCode);
    throw error;
  }
}
