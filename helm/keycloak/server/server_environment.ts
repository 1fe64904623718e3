/** Everything that a running Keycloak is told, all of it by environment: arguments are public. */
export interface ServerSettings {
  readonly port: number;
  /** Of the health endpoint. */
  readonly managementPort: number;
  /** `<public origin>/keycloak`: what browsers see, whatever a request says. */
  readonly publicUrl: string;
  readonly database: {
    readonly host: string;
    readonly port: number;
    readonly name: string;
    readonly user: string;
    readonly password: string;
  };
  /** Helm's own account there, made at the first start of an empty database. */
  readonly adminClient: { readonly id: string; readonly secret: string };
  /** A person for the admin console, made then too. */
  readonly adminUser: { readonly username: string; readonly password: string };
  readonly logLevel: string;
}

/** The schema of the app's own database that the real server keeps its tables in. */
export const serverSchema = "keycloak";

export function serverEnvironment(settings: ServerSettings): Record<string, string> {
  const { database, adminClient, adminUser } = settings;
  const host = database.host.includes(":") ? `[${database.host}]` : database.host;
  return {
    KC_DB_URL: `jdbc:postgresql://${host}:${database.port}/${database.name}`,
    KC_DB_USERNAME: database.user,
    KC_DB_PASSWORD: database.password,
    KC_DB_SCHEMA: serverSchema,
    // Only Nexus talks to it, and Helm and Core on this machine.
    KC_HTTP_ENABLED: "true",
    KC_HTTP_HOST: "127.0.0.1",
    KC_HTTP_PORT: String(settings.port),
    KC_HTTP_MANAGEMENT_HOST: "127.0.0.1",
    KC_HTTP_MANAGEMENT_PORT: String(settings.managementPort),
    KC_HTTP_MANAGEMENT_SCHEME: "http",
    // Pages and tokens name the public address; Core, which comes straight, gets its own endpoints.
    KC_HOSTNAME: settings.publicUrl,
    KC_HOSTNAME_BACKCHANNEL_DYNAMIC: "true",
    // The admin console is for this machine alone (admin_console.ts).
    KC_HOSTNAME_ADMIN: `http://127.0.0.1:${settings.port}`,
    KC_PROXY_HEADERS: "xforwarded",
    KC_PROXY_TRUSTED_ADDRESSES: "127.0.0.1",
    // Otherwise it looks for others to form a cluster with, and listens on the network for them.
    KC_CACHE: "local",
    KC_LOG: "console",
    KC_LOG_CONSOLE_OUTPUT: "json",
    // Each "not ready yet" that Helm is told would be a line, many times a second.
    KC_LOG_LEVEL: `${settings.logLevel},io.smallrye.health:error`,
    // Otherwise the C library keeps memory for each thread that has ever asked for some.
    MALLOC_ARENA_MAX: "2",
    KC_BOOTSTRAP_ADMIN_CLIENT_ID: adminClient.id,
    KC_BOOTSTRAP_ADMIN_CLIENT_SECRET: adminClient.secret,
    KC_BOOTSTRAP_ADMIN_USERNAME: adminUser.username,
    KC_BOOTSTRAP_ADMIN_PASSWORD: adminUser.password,
  };
}
