import cluster from "node:cluster";
import type { Server } from "node:http";
import { join } from "node:path";
import { closeServer } from "@hivematrix/lib/close_server";
import { createLog, type Log } from "@hivematrix/lib/log";
import { closeOnSignal, listen } from "@hivematrix/lib/serve";
import { announceListening } from "./announce_listening.ts";
import { watchCertificate } from "./certificate_watch.ts";
import { useCertificate } from "./listener.ts";
import type { StartSettings } from "./nexus_settings.ts";
import { PrimaryLink } from "./primary_link.ts";
import { listenForRedirects } from "./redirect_listener.ts";
import { createNexus } from "./server.ts";
import { spokesmanVariable } from "./worker_messages.ts";

/** For what another process says for all. */
const quiet: Log = createLog("nexus", { write: () => {} });

/** A browser's next request may be that long on its way when the gateway stops. */
const lingerMs = 300;

/** Serves as a gateway in this process, alone or as one of several, until a signal ends it. */
export async function serveGateway(settings: StartSettings, log: Log): Promise<void> {
  const { port, bindAddress } = settings;
  const primary = cluster.isWorker ? new PrimaryLink() : undefined;
  await primary?.untilStart();
  const servicesFile = join(import.meta.dirname, "services.json");
  const nexus = createNexus(settings, servicesFile, log, {
    ...(primary && { usedStates: primary, isReady: () => primary.isReady() }),
  });
  await listen(nexus.server, { port, hostname: bindAddress, service: "nexus" });
  const certificate = watchCertificate(settings, {
    log: primary === undefined ? log : quiet,
    use: (next) => useCertificate(nexus.server, next),
  });
  const speaks = primary === undefined || process.env[spokesmanVariable] === "true";
  const redirects = await listenForRedirects(settings, log, speaks ? log : quiet);
  const stop = (server: Server) => closeServer(server, { lingerMs });
  const closables = [
    // At the same time, so that no slow client of the one takes the other's time to finish.
    { close: () => Promise.all([stop(nexus.server), redirects && stop(redirects)]) },
    nexus,
    { close: () => certificate?.close() },
  ];
  // Where no file is read anew, it is no reason to end either.
  process.on("SIGHUP", () => {});
  if (primary === undefined) {
    announceListening(log, settings);
    closeOnSignal(log, ...closables);
    return;
  }
  closeOnSignal(quiet, ...closables);
  primary.onGone(() => {
    log.warn("the process that keeps the others is gone, this one stops as well");
    process.kill(process.pid, "SIGTERM");
  });
  primary.sayListens();
}
