import type { AppRegistry, RegisteredApp } from "../install/app_registry.ts";
import type { AppConfig, MasterConfig } from "./master_config.ts";
import type { NexusListening } from "./nexus_listening.ts";
import { newSecret } from "./secrets.ts";

export interface NewMasterConfigOptions {
  readonly environment: "development" | "production";
  readonly hostname: string;
  readonly portOffset: number;
  readonly bindAddress: string;
  readonly nexus: NexusListening;
  readonly postgresPort: number;
  /** The first user's; without one, `admin` in development (contract §8), else a random one. */
  readonly adminPassword: string | undefined;
}

/** The master configuration of a new installation, every secret in it made for it alone. */
export function newMasterConfig(
  registry: AppRegistry,
  options: NewMasterConfigOptions,
): MasterConfig {
  const { environment, hostname, portOffset, nexus, bindAddress } = options;
  const bundled = registry.list().filter((app) => app.git_url === undefined);
  const apps = Object.fromEntries(bundled.map((app) => [app.id, newAppConfig(app, portOffset)]));
  apps["nexus"] = { ...required(apps["nexus"]), ...listening(nexus), bind_address: bindAddress };
  return {
    system: {
      hostname,
      environment,
      secret_key: newSecret(),
      log_level: "INFO",
      jwt_issuer: "hivematrix.core",
      port_offset: portOffset,
    },
    keycloak: {
      mode: "embedded",
      url: `http://127.0.0.1:${required(apps["keycloak"]).port}`,
      realm: "hivematrix",
      client_id: "core-client",
      client_secret: newSecret(),
      admin_username: "admin",
      admin_password: options.adminPassword ?? firstPassword(environment),
      admin_client_id: "helm",
      admin_client_secret: newSecret(),
    },
    databases: {
      postgresql: {
        mode: "embedded",
        host: "127.0.0.1",
        port: options.postgresPort,
        admin_user: "postgres",
        admin_password: newSecret(),
      },
    },
    apps,
  };
}

/** An app's part of the master configuration, with a database and secrets of its own. */
export function newAppConfig(
  app: Pick<RegisteredApp, "id" | "port" | "database">,
  portOffset: number,
): AppConfig {
  const prefix = app.id.replaceAll("-", "_");
  return {
    port: app.port + portOffset,
    ...(app.database !== undefined && {
      database: app.database,
      db_name: `${prefix}_db`,
      db_user: `${prefix}_user`,
      db_password: newSecret(),
    }),
    service_secret: newSecret(),
  };
}

function listening({ port, tls, redirectPort }: NexusListening) {
  return { port, tls, ...(redirectPort !== undefined && { redirect_port: redirectPort }) };
}

function firstPassword(environment: string): string {
  return environment === "development" ? "admin" : newSecret().slice(0, 20);
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("The app registry lacks one of keycloak and nexus");
  return value;
}
