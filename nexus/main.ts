// Nexus is the gateway: it signs people in, forwards by URL prefix and composes pages. This is the
// entry of each of its processes, also of the one that keeps the others and loads nothing else.
import cluster from "node:cluster";
import { createLog, exitOnFailure } from "@hivematrix/lib/log";
import { readNexusSettings } from "./nexus_settings.ts";

const log = createLog("nexus");
exitOnFailure(log);
const settings = readNexusSettings(import.meta.dirname);
if (cluster.isPrimary && settings.processes > 1) {
  const { keepWorkers } = await import("./keep_workers.ts");
  await keepWorkers(settings, log);
} else {
  const { serveGateway } = await import("./serve_gateway.ts");
  await serveGateway(settings, log);
}
