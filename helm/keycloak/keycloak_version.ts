/** Which Keycloak `keycloak.mode server` runs; the one place where its version is pinned. */
export const pinnedKeycloak: KeycloakRelease = {
  version: "26.7.3",
  // Of the tar.gz of `org.keycloak:keycloak-quarkus-dist`, computed by us.
  sha256: "77657f30b7e90d70f727712ce1c967f430fd6a5e9f458d32d8c6df0635345f47",
};

/** A release of Keycloak, and what its archive has to hash to. */
export interface KeycloakRelease {
  readonly version: string;
  /** Of the tar.gz, in lower-case hexadecimal digits. */
  readonly sha256: string;
}
