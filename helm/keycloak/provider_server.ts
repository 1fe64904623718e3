import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { closeServer } from "@hivematrix/lib/close_server";
import { connectDatabase, type Sql } from "@hivematrix/lib/database";
import { databaseIsAway } from "@hivematrix/lib/database_errors";
import { healthRoute } from "@hivematrix/lib/health";
import { HttpError } from "@hivematrix/lib/http_error";
import type { Log } from "@hivematrix/lib/log";
import { PasswordThrottle } from "@hivematrix/lib/password_throttle";
import { router } from "@hivematrix/lib/router";
import { listen, type RunningServer, requestListener } from "@hivematrix/lib/serve";
import { answerAdminApi } from "./admin_api.ts";
import { BackchannelLogout } from "./backchannel_logout.ts";
import { EmbeddedAccounts } from "./embedded_accounts.ts";
import { createEmbeddedProvider } from "./embedded_provider.ts";
import { type FirstUser, prepareDatabase, whenDatabaseIsThere } from "./first_start.ts";
import { deleteExpiredRecords } from "./oidc_adapter.ts";
import type { PublicAddress } from "./public_address.ts";
import { deriveCookieKey, deriveNamesKey, loadSigningKey } from "./signing_keys.ts";

export interface ProviderServerOptions {
  readonly port: number;
  readonly address: PublicAddress;
  readonly client: { readonly id: string; readonly secret: string };
  /** Who may use the admin API. Default: nobody. */
  readonly adminClient?: { readonly id: string; readonly secret: string } | undefined;
  readonly secretKey: string;
  /** Where Core is told that sessions have ended. */
  readonly coreUrl: string;
  readonly connectionString: string;
  /** Where the signing key is kept. */
  readonly instanceFolder: string;
  readonly firstUser?: FirstUser | undefined;
  /** Default: as without any setting. */
  readonly throttle?: PasswordThrottle;
  readonly log: Log;
}

export interface ProviderServer extends RunningServer {
  readonly accounts: EmbeddedAccounts;
  /** Resolves once the database is there and prepared; until then everything is answered with 503. */
  readonly ready: Promise<void>;
}

const cleanUpEveryMs = 10 * 60 * 1000;

/** The embedded identity provider as a server on loopback: `/realms/<realm>/…` and `/health`. */
export async function startProviderServer(options: ProviderServerOptions): Promise<ProviderServer> {
  const { port, address, client, coreUrl, log } = options;
  const sql = connectDatabase(options.connectionString, { log });
  const signingKey = await loadSigningKey(options.instanceFolder);
  const logout = new BackchannelLogout({
    sql,
    coreUrl,
    issuer: address.issuer,
    clientId: client.id,
    signingKey,
    log,
  });
  const onLogout = () => logout.wake();
  const accounts = new EmbeddedAccounts(sql, {
    onLogout,
    namesKey: deriveNamesKey(options.secretKey),
  });
  const provider = createEmbeddedProvider({
    address,
    client,
    adminClient: options.adminClient,
    signingKey,
    cookieKey: deriveCookieKey(options.secretKey),
    sql,
    accounts,
    throttle: options.throttle ?? new PasswordThrottle(),
    onLogout,
    log,
  });

  const stopping = new AbortController();
  let isReady = false;
  const prepare = async () => {
    try {
      await prepareDatabase(sql, accounts, { firstUser: options.firstUser, log });
      await deleteExpiredRecords(sql);
      isReady = true;
      logout.wake();
    } catch (error) {
      throw databaseIsAway(error) ? error : describeDatabaseFailure(error);
    }
  };
  const checkDatabase = async () => {
    if (!isReady) throw new HttpError(503, "The database is not prepared yet");
    await sql`SELECT 1`;
  };

  const answerHealth = requestListener(
    router([healthRoute("keycloak", { database: checkDatabase })], { service: "keycloak", log }),
  );
  const answerRealm = provider.callback();
  const answerAdmin = answerAdminApi(address.realmPath, {
    provider,
    clientId: options.adminClient?.id,
    sql,
    accounts,
    onLogout,
    log,
  });
  const server = createServer((incoming, outgoing) => {
    if (isReady && isBelow("/admin", incoming)) return answerAdmin(incoming, outgoing);
    if (!isBelow(address.realmPath, incoming)) return answerHealth(incoming, outgoing);
    if (!isReady) return answerNotYet(outgoing);
    incoming.url = incoming.url?.slice(address.realmPath.length) ?? "/";
    void answerRealm(incoming, outgoing);
  });
  await listen(server, { port, hostname: "127.0.0.1", service: "keycloak" });
  const cleanUp = setInterval(() => void cleanUpRecords(sql, log), cleanUpEveryMs);

  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`),
    accounts,
    ready: whenDatabaseIsThere(prepare, { log, signal: stopping.signal }),
    async close() {
      stopping.abort();
      clearInterval(cleanUp);
      await closeServer(server);
      await logout.close();
      await sql.end({ timeout: 1 });
    },
  };
}

function isBelow(realmPath: string, { url = "/" }: IncomingMessage): boolean {
  return url.startsWith(`${realmPath}/`);
}

function answerNotYet(outgoing: ServerResponse): void {
  const headers = { "retry-after": "2", "content-type": "application/json" };
  outgoing.writeHead(503, headers).end(JSON.stringify({ error: "temporarily_unavailable" }));
}

function describeDatabaseFailure(error: unknown): Error {
  const reason = error instanceof Error ? error.message : String(error);
  return new Error(
    `Cannot start keycloak: its database cannot be prepared (${reason}); check connection_string in keycloak/instance/keycloak.conf or run "helm config sync-all"`,
    { cause: error },
  );
}

async function cleanUpRecords(sql: Sql, log: Log): Promise<void> {
  try {
    await deleteExpiredRecords(sql);
  } catch (error) {
    // The next round does it; what has expired is refused meanwhile all the same.
    log.warn("cannot delete expired records", { error: String(error) });
  }
}
