// Nexus is the gateway: it signs people in, forwards by URL prefix and composes pages.
import { join } from "node:path";
import { createLog, exitOnFailure } from "@hivematrix/lib/log";
import { closeOnSignal, closeServer, listen } from "@hivematrix/lib/serve";
import { readPort, readSettings } from "@hivematrix/lib/settings";
import { createNexus } from "./server.ts";

const log = createLog("nexus");
exitOnFailure(log);
const settings = readSettings(
  "nexus",
  import.meta.dirname,
  [
    "PORT",
    "NEXUS_SERVICE_URL",
    "CORE_SERVICE_URL",
    "KEYCLOAK_SERVER_URL",
    "KEYCLOAK_BACKEND_URL",
    "KEYCLOAK_REALM",
    "KEYCLOAK_CLIENT_ID",
    "KEYCLOAK_CLIENT_SECRET",
    "SECRET_KEY",
  ],
  ["BIND_ADDRESS", "JWT_ISSUER", "TLS_CERT_FILE", "TLS_KEY_FILE"],
);

const nexus = createNexus(settings, join(import.meta.dirname, "services.json"), log);
await listen(nexus.server, {
  port: readPort("nexus", settings.PORT),
  hostname: settings.BIND_ADDRESS ?? "127.0.0.1",
  service: "nexus",
});
log.info("listening", { url: settings.NEXUS_SERVICE_URL });
if (settings.TLS_CERT_FILE === undefined) {
  log.warn("serving plain HTTP: the session cookie lacks Secure and the __Host- prefix");
}
closeOnSignal(log, { close: () => closeServer(nexus.server) }, nexus);
