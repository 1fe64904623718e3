// Core proves who is calling: it turns a sign-in at the identity provider into a session and a
// signed token, says whether a token is still good, and gives services tokens of their own.
import { connectDatabase } from "@hivematrix/lib/database";
import { createLog, exitOnFailure } from "@hivematrix/lib/log";
import { router } from "@hivematrix/lib/router";
import { closeOnSignal, serve } from "@hivematrix/lib/serve";
import { createServiceRegistry } from "@hivematrix/lib/service_registry";
import { readCoreSettings } from "./core_settings.ts";
import { KeyRing } from "./key_ring.ts";
import { MemorySessionStore } from "./memory_session_store.ts";
import { PostgresSessionStore } from "./postgres_session_store.ts";
import { acceptFeeds } from "./revocation_feed_upgrade.ts";
import { RevocationFeeds } from "./revocation_feeds.ts";
import { createLocalRevocations } from "./revocations.ts";
import { coreRoutes } from "./routes.ts";
import { createServiceCredentials } from "./service_credentials.ts";
import { startSessionCleanup } from "./session_cleanup.ts";
import { createSessionEnding } from "./session_ending.ts";
import { createUseNoting } from "./session_use.ts";
import { createTokens } from "./tokens.ts";

const log = createLog("core");
exitOnFailure(log);
const settings = readCoreSettings(import.meta.dirname);
const keys = await KeyRing.load(settings, { ...settings, log });

// Which store is a matter of configuration alone: a database that is away is no reason for memory.
const { connectionString } = settings;
const sessions =
  connectionString === undefined
    ? new MemorySessionStore(settings)
    : new PostgresSessionStore(connectDatabase(connectionString, { log }), { ...settings, log });
log.info(
  connectionString === undefined
    ? "sessions are kept in memory and end with this process: instance/core.conf has no connection_string in [database]"
    : "sessions are kept in PostgreSQL",
);

const feeds = new RevocationFeeds({ onSeen: createUseNoting(sessions, log) });
const revocations = createLocalRevocations(feeds);
const { keycloak } = settings;
const core = {
  ...settings,
  keys,
  sessions,
  feeds,
  endSessions: createSessionEnding({ sessions, revocations, keycloak }),
  tokens: createTokens({ keys, issuer: settings.issuer }),
  credentials: createServiceCredentials(settings.confFile),
  registry: createServiceRegistry(settings.servicesFile),
};
const handle = router(coreRoutes(core), { service: "core", log });
const onUpgrade = acceptFeeds(core);
const server = await serve(handle, { port: settings.port, service: "core", onUpgrade });
const cleanup = startSessionCleanup(core, { ...settings, log });
// The feeds first: from then on no gateway is granted anything that the next Core would not know of.
closeOnSignal(log, feeds, server, cleanup, keys, sessions);
log.info("listening", { url: server.url.href, issuer: settings.issuer, kid: keys.signing.kid });
