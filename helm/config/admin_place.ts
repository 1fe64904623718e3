import type { AdminPlace } from "../keycloak/admin_client.ts";
import { adminClient, keycloakBackendUrl } from "./identity_settings.ts";
import type { MasterConfig } from "./master_config.ts";

/**
 * Where users and groups are kept, and as whom Helm asks there: with a client of its own in the
 * realm, whatever the mode.
 *
 * @throws {Error} in an installation that no `helm up` has brought up to date yet
 */
export function adminPlace(config: MasterConfig): AdminPlace {
  const { id, secret } = adminClient(config);
  return {
    backendUrl: keycloakBackendUrl(config),
    realm: config.keycloak.realm,
    clientId: id,
    clientSecret: secret,
  };
}
