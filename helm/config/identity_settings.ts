// What follows from the group `keycloak` of the master configuration.
import type { MasterConfig } from "./master_config.ts";
import { backendUrl, publicOrigin } from "./public_origin.ts";

/** Who Helm is at the identity provider, in all three modes. */
export interface AdminClient {
  readonly id: string;
  readonly secret: string;
}

/** @throws {Error} in an installation that no `helm up` has brought up to date yet */
export function adminClient({ keycloak }: MasterConfig): AdminClient {
  const { admin_client_id: id = "helm", admin_client_secret: secret } = keycloak;
  if (secret !== undefined) return { id, secret };
  throw new Error(
    'Cannot speak to the identity provider: keycloak.admin_client_secret is missing, run "helm up"',
  );
}

/** Whoever can sign in first, made when there is nobody else. */
export function firstUser({ keycloak, system }: MasterConfig): {
  username: string;
  password: string;
  email: string;
  name: string;
} {
  const { admin_username: username, admin_password: password } = keycloak;
  const email = `${username}@${system.hostname.includes(".") ? system.hostname : "example.test"}`;
  const name = username[0]?.toUpperCase() + username.slice(1);
  return { username, password, email, name };
}

/** Where the real server answers for its health; on loopback like everything else of it. */
export function managementPort({
  keycloak,
  system,
}: Pick<MasterConfig, "keycloak" | "system">): number {
  return keycloak.management_port ?? 9000 + system.port_offset;
}

/** Where Core and Nexus talk to the identity provider, past Nexus; no slash at its end. */
export function keycloakBackendUrl(config: MasterConfig): string {
  const { mode, url } = config.keycloak;
  return mode === "external" ? withoutSlash(url) : backendUrl(config, "keycloak");
}

/** Where browsers find it: below Nexus, unless somebody else runs it. */
export function keycloakPublicUrl(config: MasterConfig): string {
  const { mode, url } = config.keycloak;
  return mode === "external" ? withoutSlash(url) : `${publicOrigin(config)}/keycloak`;
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, "");
}
