// The entry: reads the settings, builds what the routes need, serves, stops cleanly. Decides nothing.
import { basename, join } from "node:path";
import { createAuth } from "@hivematrix/lib/auth";
import { connectDatabase } from "@hivematrix/lib/database";
import { createLog, exitOnFailure } from "@hivematrix/lib/log";
import { router } from "@hivematrix/lib/router";
import { closeOnSignal, serve } from "@hivematrix/lib/serve";
import { createServiceClient } from "@hivematrix/lib/service_client";
import { createServiceRegistry } from "@hivematrix/lib/service_registry";
import { readPort } from "@hivematrix/lib/settings";
import { createTokenVerifier } from "@hivematrix/lib/token_verifier";
import { createViews } from "@hivematrix/lib/views";
import { initDb } from "./init_db.ts";
import { createNoteStore } from "./note_store.ts";
import { serviceRoutes } from "./routes.ts";
import { readServiceSettings } from "./service_settings.ts";

exitOnFailure(createLog(basename(import.meta.dirname)));
const settings = readServiceSettings();
const service = settings.SERVICE_NAME;
const port = readPort(service, settings.PORT);
const coreUrl = settings.CORE_SERVICE_URL;
const log = createLog(service);

const sql = connectDatabase(settings["database.connection_string"], { log });
await initDb(sql, log);

const registry = createServiceRegistry(join(import.meta.dirname, "services.json"));
const serviceSecret = settings.SERVICE_SECRET;
const routes = serviceRoutes({
  service,
  settings,
  registry,
  auth: createAuth(createTokenVerifier({ coreUrl, service, issuer: settings.JWT_ISSUER })),
  client: createServiceClient({ service, serviceSecret, coreUrl, registry }),
  notes: createNoteStore(sql),
  views: createViews(join(import.meta.dirname, "views")),
});
const server = await serve(router(routes, { service, log }), { port, service });
log.info("listening", { url: server.url.href });
closeOnSignal(log, server, { close: () => sql.end({ timeout: 2 }) });
