import type { Log } from "@hivematrix/lib/log";
import type { StartSettings } from "./nexus_settings.ts";

/** Says once, however many processes there are, where the gateway is. */
export function announceListening(log: Log, { NEXUS_SERVICE_URL, processes }: StartSettings): void {
  log.info("listening", { url: NEXUS_SERVICE_URL, processes });
  if (NEXUS_SERVICE_URL.startsWith("http:")) {
    log.warn("serving plain HTTP: the session cookie lacks Secure and the __Host- prefix");
  }
}
