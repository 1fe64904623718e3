// Core proves who is calling: it turns a sign-in at the identity provider into a session and a
// signed token, says whether a token is still good, and gives services tokens of their own.
import { createLog, exitOnFailure } from "@hivematrix/lib/log";
import { router } from "@hivematrix/lib/router";
import { closeOnSignal, serve } from "@hivematrix/lib/serve";
import { createServiceRegistry } from "@hivematrix/lib/service_registry";
import { readCoreSettings } from "./core_settings.ts";
import { startIdentityReconcile } from "./identity_reconcile.ts";
import { KeyRing } from "./key_ring.ts";
import { openSessions } from "./open_sessions.ts";
import { acceptFeeds } from "./revocation_feed_upgrade.ts";
import { coreRoutes } from "./routes.ts";
import { createServiceCredentials } from "./service_credentials.ts";
import { startSessionCleanup } from "./session_cleanup.ts";
import { createTokens } from "./tokens.ts";

const log = createLog("core");
exitOnFailure(log);
const settings = readCoreSettings(import.meta.dirname);
const keys = await KeyRing.load(settings, { ...settings, log });

const opened = openSessions({ ...settings, log });
const core = {
  ...settings,
  keys,
  ...opened,
  tokens: createTokens({ keys, issuer: settings.issuer }),
  credentials: createServiceCredentials(settings.confFile),
  registry: createServiceRegistry(settings.servicesFile),
};
const handle = router(coreRoutes(core), { service: "core", log });
const onUpgrade = acceptFeeds(core);
const server = await serve(handle, { port: settings.port, service: "core", onUpgrade });
// From now on no other Core has this port, and until now one may have granted leases.
opened.feeds.waitOutPredecessor();
const cleanup = startSessionCleanup(core, { ...settings, log });
const reconcile = startIdentityReconcile(core, { ...settings, log });
// The feeds first: from then on no gateway is granted anything that the next Core would not know of.
closeOnSignal(log, opened.feeds, server, cleanup, reconcile, keys, opened);
log.info("listening", { url: server.url.href, issuer: settings.issuer, kid: keys.signing.kid });
