// Nexus is the gateway: it signs people in, forwards by URL prefix and composes pages.
import { join } from "node:path";
import { createLog, exitOnFailure } from "@hivematrix/lib/log";
import { closeOnSignal, closeServer, listen } from "@hivematrix/lib/serve";
import { readNexusSettings } from "./nexus_settings.ts";
import { createNexus } from "./server.ts";

const log = createLog("nexus");
exitOnFailure(log);
const settings = readNexusSettings(import.meta.dirname);
const { port, bindAddress } = settings;
const nexus = createNexus(settings, join(import.meta.dirname, "services.json"), log);
await listen(nexus.server, { port, hostname: bindAddress, service: "nexus" });
log.info("listening", { url: settings.NEXUS_SERVICE_URL });
if (settings.NEXUS_SERVICE_URL.startsWith("http:")) {
  log.warn("serving plain HTTP: the session cookie lacks Secure and the __Host- prefix");
}
closeOnSignal(log, { close: () => closeServer(nexus.server) }, nexus);
