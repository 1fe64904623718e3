import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { AppDatabases } from "../../config/app_databases.ts";
import type { Checkout } from "../../config/checkout.ts";
import { adminClient, keycloakPublicUrl, managementPort } from "../../config/identity_settings.ts";
import type { MasterConfig } from "../../config/master_config.ts";
import { httpHealth } from "../../services/health_check.ts";
import type { ServiceDefinition } from "../../services/service_definition.ts";
import { formerAdminClients } from "./admin_credential.ts";
import { ensureDistribution } from "./distribution.ts";
import { findJava } from "./java_runtime.ts";
import { settleRealm } from "./realm_step.ts";
import { type ServerPlace, serverCommand, startWords } from "./server_command.ts";
import { serverEnvironment } from "./server_environment.ts";
import { ensureServerSchema } from "./server_schema.ts";
import { installTheme } from "./theme_installation.ts";

/** Making its tables takes a minute or two on a small machine that is busy with other starts. */
const startLimitMs = 300_000;

/** Where everything of the real server is kept; the embedded provider's files are elsewhere. */
export function serverFolder({ helmFolder }: Pick<Checkout, "helmFolder">): string {
  return join(helmFolder, "instance", "keycloak");
}

/**
 * The service "keycloak" while `keycloak.mode` is "server": Java itself, on loopback only. Its
 * preparation gets and builds the server, which it says as it goes.
 */
export function keycloakServerDefinition(
  config: MasterConfig,
  { checkout, databases }: { checkout: Checkout; databases: AppDatabases },
): ServiceDefinition {
  const folder = serverFolder(checkout);
  const { archive, archive_sha256: sha256 } = config.keycloak;
  let place: ServerPlace | undefined;
  return {
    name: "keycloak",
    folder,
    async command() {
      if (place === undefined) throw new Error("Cannot start keycloak: it has not been prepared");
      return serverCommand(place, startWords);
    },
    env: environment(config),
    dependencies: config.databases.postgresql.mode === "embedded" ? ["postgres"] : [],
    port: config.apps["keycloak"]?.port ?? 0,
    otherPorts: [managementPort(config)],
    isReady: httpHealth(`http://127.0.0.1:${managementPort(config)}/health/ready`),
    startLimitMs,
    async prepare({ tell, signal }) {
      const java = await findJava();
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const request = { folder, source: archive, sha256, java, tell, signal };
      const home = await ensureDistribution(request);
      await installTheme(home);
      place = { java: java.program, home };
      await databases.ensure("keycloak");
      await ensureServerSchema(config);
    },
    settle: (step) => settleRealm(config, step, () => formerAdminClients(checkout)),
  };
}

function environment(config: MasterConfig): Record<string, string> {
  const { apps, databases, keycloak, system } = config;
  const { db_name = "", db_user = "", db_password = "", port = 0 } = apps["keycloak"] ?? {};
  const { host, port: databasePort } = databases.postgresql;
  return serverEnvironment({
    port,
    managementPort: managementPort(config),
    publicUrl: keycloakPublicUrl(config),
    database: { host, port: databasePort, name: db_name, user: db_user, password: db_password },
    adminClient: adminClient(config),
    adminUser: { username: keycloak.admin_username, password: keycloak.admin_password },
    // Its debug lines are a flood, and some of them hold what is for nobody's eyes (R5).
    logLevel: system.log_level === "DEBUG" ? "info" : system.log_level.toLowerCase(),
  });
}
