// What Helm supervises, made from the master configuration: PostgreSQL and every app but Helm itself.
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { AppRegistry } from "../install/app_registry.ts";
import { keycloakServerDefinition } from "../keycloak/server/server_definition.ts";
import { postgresDefinition } from "../postgres/embedded_server.ts";
import { httpHealth } from "../services/health_check.ts";
import type { ServiceDefinition } from "../services/service_definition.ts";
import type { AppDatabases } from "./app_databases.ts";
import { readIfThere } from "./atomic_file.ts";
import type { Checkout } from "./checkout.ts";
import type { AppConfig, MasterConfig } from "./master_config.ts";
import { nodeCommand } from "./node_command.ts";
import { pythonCommand } from "./python_command.ts";
import { type ReadSettingsFile, settingsDigest, startEnvironment } from "./start_settings.ts";

export interface DefinitionParts {
  readonly checkout: Checkout;
  readonly registry: AppRegistry;
  readonly databases: AppDatabases;
  /** Instead of what is there now: to see which services a change would concern. */
  readonly readFile?: ReadSettingsFile;
}

/** Every service of the configuration, PostgreSQL first; each app's environment is its `.env`. */
export async function serviceDefinitions(
  config: MasterConfig,
  parts: DefinitionParts,
): Promise<ServiceDefinition[]> {
  const apps = Object.keys(config.apps).filter((app) => isSupervised(config, app));
  const definitions = await Promise.all(apps.map((app) => define(config, app, parts)));
  return [...(await postgresDefinitions(config, parts.checkout)), ...definitions];
}

/** Helm does not supervise itself, nor an identity provider that somebody else runs. */
function isSupervised({ keycloak }: MasterConfig, app: string): boolean {
  return app !== "helm" && !(app === "keycloak" && keycloak.mode === "external");
}

async function define(
  config: MasterConfig,
  app: string,
  parts: DefinitionParts,
): Promise<ServiceDefinition> {
  const isServer = app === "keycloak" && config.keycloak.mode === "server";
  return isServer
    ? keycloakServerDefinition(config, parts)
    : await appDefinition(config, app, parts);
}

async function postgresDefinitions(
  { databases: { postgresql } }: MasterConfig,
  checkout: Checkout,
): Promise<ServiceDefinition[]> {
  if (postgresql.mode === "external") return [];
  const { port, admin_password: password } = postgresql;
  const dataDir = join(checkout.helmFolder, "instance", "postgres");
  return [await postgresDefinition({ dataDir, port, password })];
}

async function appDefinition(
  config: MasterConfig,
  app: string,
  { checkout, registry, databases, readFile = readIfThere }: DefinitionParts,
): Promise<ServiceDefinition> {
  const folder = checkout.appFolder(app);
  const settings = config.apps[app] as AppConfig;
  const digest = await settingsDigest(app, folder, readFile);
  const common = {
    name: app,
    folder,
    command: settings.runtime === "python" ? pythonCommand(folder) : nodeCommand(app),
    ...(digest !== undefined && { settingsDigest: digest }),
    dependencies: dependenciesOf(app, settings, registry),
    prepare: () => databases.ensure(app),
  };
  const env = await startEnvironment(config, app, folder, readFile);
  const onPort = (port: number): ServiceDefinition => ({
    ...common,
    port,
    env: {
      ...env,
      PORT: String(port),
      ...("FLASK_RUN_PORT" in env && { FLASK_RUN_PORT: String(port) }),
    },
    isReady: httpHealth(healthUrl({ ...settings, port })),
  });
  return {
    ...common,
    port: settings.port,
    env,
    isReady: httpHealth(healthUrl(settings)),
    ...(app === "nexus" && {
      kept: { file: join(folder, "instance", "processes.json"), address: healthUrl(settings) },
    }),
    ...(canRunTwice(app, folder, settings, registry) && { onPort }),
  };
}

/** A copy of Template keeps its state in PostgreSQL; of the platform's own parts there is one each. */
function canRunTwice(
  app: string,
  folder: string,
  { rolling_restart }: AppConfig,
  registry: AppRegistry,
): boolean {
  const registered = registry.find(app);
  const isLikeTemplate = registered?.required !== true && existsSync(join(folder, "main.ts"));
  return rolling_restart ?? registered?.rolling_restart ?? isLikeTemplate;
}

/** What an app needs ready before it starts. PostgreSQL is a service under the name "postgres". */
function dependenciesOf(app: string, settings: AppConfig, registry: AppRegistry): string[] {
  const named = settings.dependencies ?? registry.find(app)?.dependencies ?? ["core"];
  const all = settings.database === undefined ? named : ["postgresql", ...named];
  return [...new Set(all.map((name) => (name === "postgresql" ? "postgres" : name)))];
}

function healthUrl({ tls, port, bind_address: address = "127.0.0.1" }: AppConfig): string {
  const isEverywhere = address === "0.0.0.0" || address === "::";
  const host = isEverywhere ? "127.0.0.1" : address.includes(":") ? `[${address}]` : address;
  return `${tls === true ? "https" : "http"}://${host}:${port}/health`;
}
