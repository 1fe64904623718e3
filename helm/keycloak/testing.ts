// For tests, of this folder and of Nexus and Core: the real embedded provider on a real PostgreSQL.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PasswordThrottle } from "@hivematrix/lib/password_throttle";
import { createTestLog, startTestPostgres, type TestScope } from "@hivematrix/lib/testing";
import type { AdminPlace } from "./admin_client.ts";
import type { EmbeddedAccounts, NewAccount } from "./embedded_accounts.ts";
import { type ProviderServer, startProviderServer } from "./provider_server.ts";
import { readPublicAddress } from "./public_address.ts";
import { TestBrowser } from "./testing_browser.ts";

export interface TestProvider {
  /** For KEYCLOAK_BACKEND_URL. */
  readonly backendUrl: string;
  /** For KEYCLOAK_SERVER_URL, KEYCLOAK_REALM, KEYCLOAK_CLIENT_ID and KEYCLOAK_CLIENT_SECRET. */
  readonly serverUrl: string;
  readonly realm: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly issuer: string;
  readonly redirectUri: string;
  /** For createIdentityAdmin. */
  readonly adminPlace: AdminPlace;
  readonly accounts: EmbeddedAccounts;
  /** Log lines of the provider. */
  readonly lines: readonly string[];
  /** A browser with no cookies yet, which reaches the provider as if through Nexus. */
  openBrowser(): TestBrowser;
  /** Ends the provider and starts it again on the same port, with the same database and keys. */
  restart(changes?: Pick<TestProviderOptions, "coreUrl">): Promise<void>;
  close(): Promise<void>;
}

export interface TestProviderOptions {
  /** Where browsers reach the platform. Default: an address that only `openBrowser` understands. */
  publicOrigin?: string;
  /** Default: `ada`, password `ada-secret`, in technicians. */
  users?: readonly NewAccount[];
  /** Core, to be told when sessions end. Default: nobody is there. */
  coreUrl?: string;
  /** Default: a database of its own. */
  databaseUrl?: string;
  /** Default: as without any setting. */
  throttle?: PasswordThrottle;
}

export const ada: NewAccount = {
  username: "ada",
  password: "ada-secret",
  email: "ada@example.org",
  name: "Ada Lovelace",
  groups: ["technicians"],
};

/** Starts the embedded provider on a free port; ended with the test. */
export async function startEmbeddedProvider(
  scope: TestScope,
  options: TestProviderOptions = {},
): Promise<TestProvider> {
  const { publicOrigin = "http://hive.test:8000", users = [ada] } = options;
  let { coreUrl = "http://127.0.0.1:9" } = options;
  const connectionString = options.databaseUrl ?? (await startTestPostgres(scope)).url;
  const instanceFolder = await mkdtemp(join(tmpdir(), "hivematrix-keycloak-"));
  scope.after(() => rm(instanceFolder, { recursive: true, force: true, maxRetries: 20 }));
  const log = createTestLog("keycloak");
  const client = { id: "core-client", secret: "test-client-secret" };
  const adminClient = { id: "helm", secret: "test-admin-client-secret" };
  const address = readPublicAddress({
    KEYCLOAK_SERVER_URL: `${publicOrigin}/keycloak`,
    KEYCLOAK_REALM: "hivematrix",
    NEXUS_SERVICE_URL: publicOrigin,
  });
  const start = async (port: number): Promise<ProviderServer> => {
    const secretKey = "test-secret-key";
    const started = await startProviderServer({
      port,
      address,
      client,
      adminClient,
      secretKey,
      coreUrl,
      connectionString,
      instanceFolder,
      log,
      ...(options.throttle && { throttle: options.throttle }),
    });
    await started.ready;
    return started;
  };

  let server = await start(0);
  const { url } = server;
  scope.after(() => server.close());
  for (const user of users) await server.accounts.create(user);
  const provider: TestProvider = {
    backendUrl: url.origin,
    serverUrl: `${publicOrigin}/keycloak`,
    realm: "hivematrix",
    clientId: client.id,
    clientSecret: client.secret,
    issuer: address.issuer,
    redirectUri: `${publicOrigin}/keycloak-callback`,
    adminPlace: {
      backendUrl: url.origin,
      realm: "hivematrix",
      clientId: adminClient.id,
      clientSecret: adminClient.secret,
    },
    get accounts() {
      return server.accounts;
    },
    lines: log.lines,
    openBrowser: () => new TestBrowser(provider),
    async restart(changes = {}) {
      await server.close();
      coreUrl = changes.coreUrl ?? coreUrl;
      server = await start(Number(url.port));
    },
    close: () => server.close(),
  };
  return provider;
}
