import type { MasterConfig } from "../config/master_config.ts";
import type { IdentityError } from "../keycloak/identity_error.ts";

/** What to do about an identity provider that refuses Helm itself; `undefined` for other troubles. */
export function adviseOnCredential(
  { isOutage, status }: IdentityError,
  { keycloak }: Pick<MasterConfig, "keycloak">,
): string | undefined {
  // A wrong secret is a 400 or a 401 of the token endpoint, a missing role a 403.
  const isRefused = isOutage && [400, 401, 403].includes(status ?? 0);
  if (!isRefused) return undefined;
  if (keycloak.mode === "server") {
    // Only the first start of an empty database takes it from the configuration.
    return 'Keycloak knows another secret of Helm\'s: in its admin console, realm master, give the client of keycloak.admin_client_id the secret in keycloak.admin_client_secret, then run "helm restart keycloak".';
  }
  if (keycloak.mode === "embedded") {
    return 'The identity provider knows another secret of Helm\'s: "helm restart keycloak" gives it the one of the configuration.';
  }
  const { realm, admin_client_id: client = "helm" } = keycloak;
  return `To let Helm manage users there: in Keycloak's realm ${realm}, make a client "${client}" with client authentication and a service account that has the role realm-admin of the client realm-management, then give Helm its secret with "helm config set keycloak.admin_client_secret". Without it, Keycloak's own console is the place for users; everything else works.`;
}
