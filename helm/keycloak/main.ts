// The identity provider knows who people are: it checks passwords and tells Nexus and Core who
// signed in, in the words of OpenID Connect and under Keycloak's paths.
import { join } from "node:path";
import { createLog, exitOnFailure } from "@hivematrix/lib/log";
import {
  PasswordThrottle,
  readThrottleLimits,
  throttleSettings,
} from "@hivematrix/lib/password_throttle";
import { closeOnSignal } from "@hivematrix/lib/serve";
import { readPort, readSettings } from "@hivematrix/lib/settings";
import { readAdminClient } from "./admin_guard.ts";
import { readFirstUser } from "./first_start.ts";
import { readPublicAddress, readUrl } from "./public_address.ts";

const log = createLog("keycloak");
exitOnFailure(log);
// oidc-provider prints what it has to say; here it becomes a line of the log like any other.
console.warn = (text: unknown) => log.warn(String(text));

const settings = readSettings(
  "keycloak",
  import.meta.dirname,
  [
    "PORT",
    "KEYCLOAK_SERVER_URL",
    "KEYCLOAK_REALM",
    "KEYCLOAK_CLIENT_ID",
    "KEYCLOAK_CLIENT_SECRET",
    "NEXUS_SERVICE_URL",
    "CORE_SERVICE_URL",
    "SECRET_KEY",
    "database.connection_string",
  ],
  [
    "first_user.username",
    "first_user.password",
    "first_user.email",
    "first_user.name",
    "admin_client.id",
    "admin_client.secret",
    ...throttleSettings,
  ],
);
const { startProviderServer } = await import("./provider_server.ts");
const server = await startProviderServer({
  port: readPort("keycloak", settings.PORT),
  address: readPublicAddress(settings),
  client: { id: settings.KEYCLOAK_CLIENT_ID, secret: settings.KEYCLOAK_CLIENT_SECRET },
  adminClient: readAdminClient(settings),
  secretKey: settings.SECRET_KEY,
  coreUrl: readUrl("CORE_SERVICE_URL", settings.CORE_SERVICE_URL).origin,
  connectionString: settings["database.connection_string"],
  instanceFolder: join(import.meta.dirname, "instance"),
  firstUser: readFirstUser(settings),
  throttle: new PasswordThrottle(readThrottleLimits("keycloak", settings)),
  log,
});
closeOnSignal(log, server);
log.info("listening", { url: server.url.href });
await server.ready;
log.info("ready");
