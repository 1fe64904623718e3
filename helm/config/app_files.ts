// What one app gets to know: its own secrets and nobody else's (requirement R31).
import { join } from "node:path";
import { formatEnv } from "@hivematrix/lib/env_file";
import {
  adminClient,
  firstUser,
  keycloakBackendUrl,
  keycloakPublicUrl,
} from "./identity_settings.ts";
import type { AppConfig, MasterConfig } from "./master_config.ts";
import { backendUrl, publicOrigin } from "./public_origin.ts";
import { deriveAppSecret, hashServiceSecret } from "./secrets.ts";

type Values = Record<string, string>;

/** The client's secret is for those that speak to the identity provider as that client. */
const identityClients = ["core", "nexus", "keycloak"];

/** Those that nobody calls with a service token and that call nobody with one. */
const withoutServiceTokens = ["core", "keycloak"];

const comment = `Written by Helm from its master configuration; changes made here do not last.
Change the master configuration with "helm config set", then run "helm config sync-all".`;

/** Core reads these again by itself when they change (core/service_credentials.ts). */
const rereadSections: Readonly<Record<string, readonly string[]>> = {
  core: ["service_secrets", "legacy_service_token"],
};

/** The text of an app's `.env`. @param folder the app's own folder */
export function appEnvText(config: MasterConfig, app: string, folder: string): string {
  return formatEnv(appEnv(config, app, folder), comment);
}

/** The text of the `.flaskenv` of an app in Python (contract §6), which Flask and python-dotenv read. */
export function appFlaskEnvText(config: MasterConfig, app: string, folder: string): string {
  return formatEnv(appFlaskEnv(config, app, folder), comment);
}

/** Whether the app is a Flask service. */
export function isPython({ apps }: MasterConfig, app: string): boolean {
  return apps[app]?.runtime === "python";
}

/** What Flask itself has to know, before all that the app's `.env` has too. */
export function appFlaskEnv(config: MasterConfig, app: string, folder: string): Values {
  const env = appEnv(config, app, folder);
  return {
    FLASK_APP: "run.py",
    FLASK_ENV: config.system.environment,
    FLASK_RUN_HOST: "127.0.0.1",
    FLASK_RUN_PORT: env["PORT"] ?? "",
    ...env,
  };
}

/** Whether the app has to be started anew to notice a change of that section of its `.conf`. */
export function isReadOnce(app: string, section: string): boolean {
  return rereadSections[app]?.includes(section) !== true;
}

/** The environment that an app is started with. */
export function appEnv(config: MasterConfig, app: string, folder: string): Values {
  const settings = requireApp(config, app);
  const { system, keycloak } = config;
  return {
    SERVICE_NAME: app,
    PORT: String(settings.port),
    ENVIRONMENT: system.environment,
    LOG_LEVEL: system.log_level,
    SECRET_KEY: deriveAppSecret(system.secret_key, app),
    SERVICE_SECRET: settings.service_secret,
    CORE_SERVICE_URL: backendUrl(config, "core"),
    NEXUS_SERVICE_URL: publicOrigin(config),
    HELM_SERVICE_URL: backendUrl(config, "helm"),
    KEYCLOAK_SERVER_URL: keycloakServerUrl(config, app),
    KEYCLOAK_BACKEND_URL: keycloakBackendUrl(config),
    KEYCLOAK_REALM: keycloak.realm,
    KEYCLOAK_CLIENT_ID: keycloak.client_id,
    ...(identityClients.includes(app) && { KEYCLOAK_CLIENT_SECRET: keycloak.client_secret }),
    JWT_ISSUER: system.jwt_issuer,
    ...databaseEnv(config, settings),
    ...(app === "core" && { ...keyFiles(folder), ...sessionLimits(config), ...provider(config) }),
    ...(app === "nexus" && {
      ...listening(settings, folder),
      ...proxies(config),
      ...passwordLimits(config),
    }),
    ...limits(settings),
  };
}

/** The sections of `instance/<app>.conf` that Helm answers for. */
export function appConf(config: MasterConfig, app: string): Record<string, Values> {
  const settings = requireApp(config, app);
  return {
    ...databaseSection(config, settings),
    ...(app === "core" && callers(config)),
    ...(app === "keycloak" && { first_user: { ...firstUser(config) }, ...helmsClient(config) }),
    ...(settings.sections as Record<string, Values> | undefined),
  };
}

/** `postgresql://…` with every character of the password carried safely. */
export function connectionString(
  { databases: { postgresql } }: MasterConfig,
  { user, password, database }: { user: string; password: string; database: string },
): string {
  const credentials = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
  const host = postgresql.host.includes(":") ? `[${postgresql.host}]` : postgresql.host;
  return `postgresql://${credentials}@${host}:${postgresql.port}/${database}`;
}

function requireApp({ apps }: MasterConfig, app: string): AppConfig {
  const settings = apps[app];
  if (settings !== undefined) return settings;
  const known = Object.keys(apps).join(", ");
  throw new Error(`Cannot configure "${app}": the master configuration knows only ${known}`);
}

/** Core talks to the identity provider directly (contract §6), everyone else by its public address. */
function keycloakServerUrl(config: MasterConfig, app: string): string {
  if (app === "core") return `${keycloakBackendUrl(config)}/realms/${config.keycloak.realm}`;
  return keycloakPublicUrl(config);
}

/**
 * What Core has to know of a provider that is not ours: who its tokens are from, and, as it sends no
 * word when somebody is disabled or moved to other groups, how often to ask.
 */
function provider(config: MasterConfig): Values {
  const { mode, realm } = config.keycloak;
  if (mode === "embedded") return {};
  return {
    KEYCLOAK_ISSUER: `${keycloakPublicUrl(config)}/realms/${realm}`,
    KEYCLOAK_RECONCILE_SECONDS: "2",
  };
}

function databaseEnv({ databases: { postgresql } }: MasterConfig, settings: AppConfig): Values {
  if (settings.database === undefined) return {};
  return {
    DB_HOST: postgresql.host,
    DB_PORT: String(postgresql.port),
    DB_NAME: settings.db_name ?? "",
  };
}

function databaseSection(config: MasterConfig, settings: AppConfig): Record<string, Values> {
  const { database, db_name = "", db_user = "", db_password = "" } = settings;
  if (database === undefined) return {};
  const { host, port } = config.databases.postgresql;
  const credentials = { user: db_user, password: db_password, database: db_name };
  return {
    database: {
      connection_string: connectionString(config, credentials),
      db_host: host,
      db_port: String(port),
      db_name,
      db_user,
    },
  };
}

/** Left out, Core's own defaults count. */
function sessionLimits({ system }: MasterConfig): Values {
  const limits = {
    SESSION_LIFETIME_SECONDS: system.session_lifetime_seconds,
    SESSION_IDLE_SECONDS: system.session_idle_seconds,
  };
  const set = Object.entries(limits).filter(([, seconds]) => seconds !== undefined);
  return Object.fromEntries(set.map(([key, seconds]) => [key, String(seconds)]));
}

function keyFiles(folder: string): Values {
  const keys = join(folder, "instance", "keys");
  return {
    JWT_PRIVATE_KEY_FILE: join(keys, "jwt_private.pem"),
    JWT_PUBLIC_KEY_FILE: join(keys, "jwt_public.pem"),
  };
}

function listening(settings: AppConfig, folder: string): Values {
  const { bind_address = "127.0.0.1", processes, tls, tls_cert_file, tls_key_file } = settings;
  const { redirect_port = 0 } = settings;
  const tlsFolder = join(folder, "instance", "tls");
  return {
    BIND_ADDRESS: bind_address,
    // Left out, Nexus's own default counts.
    ...(processes !== undefined && { PROCESSES: String(processes) }),
    ...(tls && {
      TLS_CERT_FILE: tls_cert_file ?? join(tlsFolder, "certificate.pem"),
      TLS_KEY_FILE: tls_key_file ?? join(tlsFolder, "key.pem"),
      ...(redirect_port !== 0 && { REDIRECT_PORT: String(redirect_port) }),
    }),
  };
}

/**
 * Where a proxy stands before Nexus (`system.public_url`), everybody comes from its address, which is
 * mostly this machine's.
 */
function proxies({ apps, system }: MasterConfig): Values {
  const onThisMachine = system.public_url === undefined ? [] : ["127.0.0.1", "::1"];
  const addresses = apps["nexus"]?.trusted_proxies ?? onThisMachine;
  return addresses.length === 0 ? {} : { TRUSTED_PROXIES: addresses.join(",") };
}

/** The real Keycloak counts passwords by user alone, so Nexus counts them before it (R33). */
function passwordLimits({ apps, keycloak }: MasterConfig): Values {
  if (keycloak.mode !== "server") return {};
  return { THROTTLE_PASSWORDS: "true", ...limits(apps["keycloak"] ?? {}) };
}

/** Left out, the service's own defaults count. */
function limits({ limits = {} }: Pick<AppConfig, "limits">): Values {
  const entries = Object.entries(limits).map(([name, limit]) => [
    `LIMIT_${name.toUpperCase()}`,
    String(limit),
  ]);
  return Object.fromEntries(entries);
}

/** Whom Core hands service tokens to: hashes only, so that its file opens no door. */
function callers({ apps }: MasterConfig): Record<string, Values> {
  const services = Object.entries(apps).filter(([app]) => !withoutServiceTokens.includes(app));
  const legacy = services.filter(([, settings]) => settings.legacy_service_token === true);
  return {
    service_secrets: Object.fromEntries(
      services.map(([app, settings]) => [app, hashServiceSecret(settings.service_secret)]),
    ),
    legacy_service_token: Object.fromEntries(legacy.map(([app]) => [app, "true"])),
  };
}

/** An installation of long ago has no such secret before its next `helm up`. */
function helmsClient(config: MasterConfig): Record<string, Values> {
  if (config.keycloak.admin_client_secret === undefined) return {};
  return { admin_client: { ...adminClient(config) } };
}
