import { isIP } from "node:net";
import { availableParallelism } from "node:os";
import {
  readThrottleLimits,
  shareThrottleLimits,
  type ThrottleLimits,
  throttleSettings,
} from "@hivematrix/lib/password_throttle";
import { readPort, readSettings, SettingsError } from "@hivematrix/lib/settings";
import { type NexusLimits, nexusLimitSettings, readNexusLimits, shareLimits } from "./limits.ts";

/** What Nexus is told by Helm. */
export interface NexusSettings {
  readonly NEXUS_SERVICE_URL: string;
  readonly CORE_SERVICE_URL: string;
  readonly KEYCLOAK_SERVER_URL: string;
  readonly KEYCLOAK_BACKEND_URL: string;
  readonly KEYCLOAK_REALM: string;
  readonly KEYCLOAK_CLIENT_ID: string;
  readonly KEYCLOAK_CLIENT_SECRET: string;
  readonly SECRET_KEY: string;
  /** How Nexus proves itself to Core. */
  readonly SERVICE_SECRET: string;
  readonly JWT_ISSUER?: string;
  readonly TLS_CERT_FILE?: string;
  readonly TLS_KEY_FILE?: string;
  /** Default: limits.ts. */
  readonly limits?: NexusLimits;
  /** How many passwords may be tried, where the provider leaves that to Nexus (password_guard.ts). */
  readonly passwordLimits?: ThrottleLimits;
  /** Addresses of proxies before Nexus, whose X-Forwarded-For is believed. */
  readonly trustedProxies?: readonly string[];
}

/** What the entry needs beside them. */
export interface StartSettings extends NexusSettings {
  readonly port: number;
  readonly bindAddress: string;
  /** How many serve requests; with more than one, another one keeps them. */
  readonly processes: number;
  /** Where plain HTTP is redirected from; 0: nowhere. */
  readonly redirectPort: number;
}

/** Each takes memory, and a gateway rarely needs more than this. */
const maxDefaultProcesses = 4;

/**
 * Nexus's settings, checked as far as a start could go wrong by them.
 *
 * @param folder Nexus's folder
 * @throws {SettingsError} naming the setting that is missing or cannot be used
 */
export function readNexusSettings(
  folder: string,
  env: NodeJS.ProcessEnv = process.env,
): StartSettings {
  const found = readSettings(
    "nexus",
    folder,
    [
      "PORT",
      "NEXUS_SERVICE_URL",
      "CORE_SERVICE_URL",
      "KEYCLOAK_SERVER_URL",
      "KEYCLOAK_BACKEND_URL",
      "KEYCLOAK_REALM",
      "KEYCLOAK_CLIENT_ID",
      "KEYCLOAK_CLIENT_SECRET",
      "SECRET_KEY",
      "SERVICE_SECRET",
    ],
    [
      "BIND_ADDRESS",
      "JWT_ISSUER",
      "TLS_CERT_FILE",
      "TLS_KEY_FILE",
      "PROCESSES",
      "REDIRECT_PORT",
      "TRUSTED_PROXIES",
      "THROTTLE_PASSWORDS",
      ...throttleSettings,
      ...nexusLimitSettings,
    ],
    env,
  );
  for (const key of ["CORE_SERVICE_URL", "KEYCLOAK_SERVER_URL", "KEYCLOAK_BACKEND_URL"] as const) {
    readHttpUrl(key, found[key]);
  }
  const publicUrl = readHttpUrl("NEXUS_SERVICE_URL", found.NEXUS_SERVICE_URL);
  if (publicUrl.href !== `${publicUrl.origin}/`) {
    throw cannotUse("NEXUS_SERVICE_URL", found.NEXUS_SERVICE_URL, "it has more than an origin");
  }
  if (found.TLS_CERT_FILE !== undefined && publicUrl.protocol !== "https:") {
    throw cannotUse("NEXUS_SERVICE_URL", found.NEXUS_SERVICE_URL, "there is a TLS_CERT_FILE");
  }
  const processes = readProcesses(found.PROCESSES);
  return {
    ...found,
    port: readPort("nexus", found.PORT),
    bindAddress: found.BIND_ADDRESS ?? "127.0.0.1",
    processes,
    redirectPort: readRedirectPort(found.REDIRECT_PORT, publicUrl),
    limits: shareLimits(readNexusLimits(found), processes),
    ...(found.THROTTLE_PASSWORDS === "true" && {
      passwordLimits: shareThrottleLimits(readThrottleLimits("nexus", found), processes),
    }),
    trustedProxies: readAddresses("TRUSTED_PROXIES", found.TRUSTED_PROXIES),
  };
}

function readProcesses(value: string | undefined): number {
  if (value === undefined) return Math.min(availableParallelism(), maxDefaultProcesses);
  if (/^[1-9]\d?$/.test(value)) return Number(value);
  throw cannotUse("PROCESSES", value, "it has to be a number from 1 to 99");
}

/** Without TLS there is nothing to lead to. */
function readRedirectPort(value = "0", { protocol }: URL): number {
  if (value === "0" || protocol !== "https:") return 0;
  if (/^[1-9]\d{0,4}$/.test(value) && Number(value) < 65_536) return Number(value);
  throw cannotUse("REDIRECT_PORT", value, "it has to be a port, or 0 for none");
}

function readHttpUrl(key: string, value: string): URL {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol)) return url;
  throw cannotUse(key, value, "it is no http address");
}

function readAddresses(key: string, list = ""): string[] {
  const addresses = list.split(",").flatMap((address) => address.trim() || []);
  const wrong = addresses.find((address) => isIP(address) === 0);
  if (wrong !== undefined) throw cannotUse(key, list, `"${wrong}" is no IP address`);
  return addresses;
}

function cannotUse(key: string, value: string, reason: string): SettingsError {
  return new SettingsError(
    `Cannot start nexus: ${key} is "${value}", but ${reason}; mend it with "helm config set" and run "helm config sync-all"`,
  );
}
