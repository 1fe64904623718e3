import { resolve } from "node:path";
import { readPort, readSettings, readWholeNumber, SettingsError } from "@hivematrix/lib/settings";
import type { Keycloak } from "./keycloak.ts";

export interface CoreSettings {
  readonly port: number;
  readonly secretKey: string;
  readonly keycloak: Keycloak;
  readonly issuer: string;
  readonly privateKeyFile: string;
  readonly publicKeyFile: string;
  readonly sessionLifetimeSeconds: number;
  readonly idleSeconds: number | undefined;
  /** How often the provider is asked what has become of people; `undefined`: it tells by itself. */
  readonly reconcileSeconds: number | undefined;
  /** Without one, sessions are kept in memory. */
  readonly connectionString: string | undefined;
  readonly confFile: string;
  readonly servicesFile: string;
}

/**
 * Core's settings, with defaults for those that may be left out.
 *
 * @param folder Core's folder; file names are relative to it
 * @throws {SettingsError} naming the setting that is missing or cannot be used
 */
export function readCoreSettings(
  folder: string,
  env: NodeJS.ProcessEnv = process.env,
): CoreSettings {
  const found = readSettings(
    "core",
    folder,
    [
      "PORT",
      "SECRET_KEY",
      "KEYCLOAK_BACKEND_URL",
      "KEYCLOAK_REALM",
      "KEYCLOAK_CLIENT_ID",
      "KEYCLOAK_CLIENT_SECRET",
    ],
    [
      "KEYCLOAK_ISSUER",
      "NEXUS_SERVICE_URL",
      "JWT_ISSUER",
      "JWT_PRIVATE_KEY_FILE",
      "JWT_PUBLIC_KEY_FILE",
      "SESSION_LIFETIME_SECONDS",
      "SESSION_IDLE_SECONDS",
      "KEYCLOAK_RECONCILE_SECONDS",
      "database.connection_string",
    ],
    env,
  );
  const readSeconds = (
    key: "SESSION_LIFETIME_SECONDS" | "SESSION_IDLE_SECONDS",
    fallback: string,
    least: number,
  ) => readWholeNumber("core", key, found[key] ?? fallback, { least, most: 30 * 24 * 3600 });
  const period = found.KEYCLOAK_RECONCILE_SECONDS ?? "0";
  return {
    port: readPort("core", found.PORT),
    secretKey: found.SECRET_KEY,
    keycloak: {
      backendUrl: readHttpUrl("KEYCLOAK_BACKEND_URL", found.KEYCLOAK_BACKEND_URL),
      realm: found.KEYCLOAK_REALM,
      clientId: found.KEYCLOAK_CLIENT_ID,
      clientSecret: found.KEYCLOAK_CLIENT_SECRET,
      issuer: found.KEYCLOAK_ISSUER ?? publicIssuer(found),
    },
    issuer: found.JWT_ISSUER ?? "hivematrix.core",
    privateKeyFile: resolve(folder, found.JWT_PRIVATE_KEY_FILE ?? "instance/keys/jwt_private.pem"),
    publicKeyFile: resolve(folder, found.JWT_PUBLIC_KEY_FILE ?? "instance/keys/jwt_public.pem"),
    sessionLifetimeSeconds: readSeconds("SESSION_LIFETIME_SECONDS", "3600", 1),
    // 0 says the same as leaving it out: no idle limit.
    idleSeconds: readSeconds("SESSION_IDLE_SECONDS", "0", 0) || undefined,
    reconcileSeconds:
      readWholeNumber("core", "KEYCLOAK_RECONCILE_SECONDS", period, { most: 60 }) || undefined,
    connectionString: found["database.connection_string"],
    confFile: resolve(folder, "instance", "core.conf"),
    servicesFile: resolve(folder, "services.json"),
  };
}

/** Where browsers reach the provider when they reach it through Nexus (`/keycloak/…`). */
function publicIssuer(found: { NEXUS_SERVICE_URL?: string; KEYCLOAK_REALM: string }) {
  const origin = found.NEXUS_SERVICE_URL;
  return origin && `${origin.replace(/\/+$/, "")}/keycloak/realms/${found.KEYCLOAK_REALM}`;
}

function readHttpUrl(key: string, value: string): string {
  if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return value;
  throw new SettingsError(
    `Cannot start core: ${key} is "${value}", which is no http address; mend it with "helm config set" and run "helm config sync-all"`,
  );
}
