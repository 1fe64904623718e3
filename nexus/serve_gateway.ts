import { join } from "node:path";
import { closeServer } from "@hivematrix/lib/close_server";
import type { Log } from "@hivematrix/lib/log";
import { closeOnSignal, listen } from "@hivematrix/lib/serve";
import type { readNexusSettings } from "./nexus_settings.ts";
import { createNexus } from "./server.ts";

/** Serves as a gateway in this process, until a signal ends it. */
export async function serveGateway(
  settings: ReturnType<typeof readNexusSettings>,
  log: Log,
): Promise<void> {
  const { port, bindAddress } = settings;
  const nexus = createNexus(settings, join(import.meta.dirname, "services.json"), log);
  await listen(nexus.server, { port, hostname: bindAddress, service: "nexus" });
  log.info("listening", { url: settings.NEXUS_SERVICE_URL });
  if (settings.NEXUS_SERVICE_URL.startsWith("http:")) {
    log.warn("serving plain HTTP: the session cookie lacks Secure and the __Host- prefix");
  }
  closeOnSignal(log, { close: () => closeServer(nexus.server) }, nexus);
}
