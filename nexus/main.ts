// Nexus is the gateway: it signs people in, forwards by URL prefix and composes pages.
import { createLog, exitOnFailure } from "@hivematrix/lib/log";
import { readNexusSettings } from "./nexus_settings.ts";

const log = createLog("nexus");
exitOnFailure(log);
const settings = readNexusSettings(import.meta.dirname);
const { serveGateway } = await import("./serve_gateway.ts");
await serveGateway(settings, log);
