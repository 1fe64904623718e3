import { SettingsError } from "@hivematrix/lib/settings";
import type Provider from "oidc-provider";

/** Where browsers reach the provider, whatever the Host header of a request says. */
export interface PublicAddress {
  /** `<KEYCLOAK_SERVER_URL>/realms/<realm>`, the `iss` of every token. */
  readonly issuer: string;
  /** Path of the issuer as the browser sees it: `/keycloak/realms/hivematrix`. */
  readonly path: string;
  /** Path of the issuer as requests arrive here, without Nexus' prefix: `/realms/hivematrix`. */
  readonly realmPath: string;
  /** Origin of the provider's own pages. */
  readonly origin: string;
  /** Origin of the platform, where people return to. */
  readonly publicOrigin: string;
  readonly isSecure: boolean;
}

/** @throws {SettingsError} for a setting that is no http or https URL */
export function readPublicAddress(settings: {
  KEYCLOAK_SERVER_URL: string;
  KEYCLOAK_REALM: string;
  NEXUS_SERVICE_URL: string;
}): PublicAddress {
  const server = readUrl("KEYCLOAK_SERVER_URL", settings.KEYCLOAK_SERVER_URL);
  const realmPath = `/realms/${encodeURIComponent(settings.KEYCLOAK_REALM)}`;
  const path = server.pathname.replace(/\/+$/, "") + realmPath;
  return {
    issuer: server.origin + path,
    path,
    realmPath,
    origin: server.origin,
    publicOrigin: readUrl("NEXUS_SERVICE_URL", settings.NEXUS_SERVICE_URL).origin,
    isSecure: server.protocol === "https:",
  };
}

/** @throws {SettingsError} */
export function readUrl(key: string, value: string): URL {
  if (/^https?:/i.test(value) && URL.canParse(value)) return new URL(value);
  throw new SettingsError(
    `Cannot start keycloak: ${key} is "${value}", which is no http or https URL; run "helm config sync-all"`,
  );
}

/**
 * Makes the provider build every URL, and judge `Secure`, from the configured address: through Nexus
 * and straight from Core its answers are the same, and no header can send a browser elsewhere.
 */
export function pinAddress(provider: Provider, address: PublicAddress): void {
  const { host, protocol } = new URL(address.issuer);
  Object.defineProperties(provider.request, {
    host: { get: () => host },
    protocol: { get: () => protocol.slice(0, -1) },
  });
  // oidc-provider puts this in front of its routes, as koa-mount would have it.
  provider.context["mountPath"] = address.path;
}
