// For tests: a real Keycloak on a real PostgreSQL. It takes Java and the archive; where one of them
// is missing, tests say so and are skipped: `test("…", { skip: keycloakServerSkip() }, …)`.
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePort } from "@hivematrix/lib/postgres_testing";
import type { TestScope } from "@hivematrix/lib/testing";
import { splitName } from "./account_text.ts";
import { createIdentityAdmin } from "./admin_client.ts";
import type { NewAccount } from "./embedded_accounts.ts";
import { pinnedKeycloak } from "./keycloak_version.ts";
import { setUpRealm } from "./realm_setup.ts";
import { fileSha256 } from "./server/checksum.ts";
import { findJava, type JavaRuntime } from "./server/java_runtime.ts";
import { findMavenArchive } from "./server/local_archive.ts";
import { buildWords, serverCommand, startWords } from "./server/server_command.ts";
import { serverEnvironment } from "./server/server_environment.ts";
import { isServerBuilt, makeServerHome } from "./server/server_home.ts";
import {
  makeServerSchema,
  readDatabaseUrl,
  startServerDatabase,
} from "./server_database_testing.ts";
import { ServerProcess } from "./server_process_testing.ts";
import { ada, type TestProvider } from "./testing.ts";
import { TestBrowser } from "./testing_browser.ts";
import { themeName, writeTheme } from "./theme_files.ts";

/** As far as the same can be said of it as of the embedded provider, and its own. */
export interface TestKeycloak extends Omit<TestProvider, "adminPlace" | "accounts" | "restart"> {
  /** How Helm speaks to it: the service account of the master realm, which may do everything. */
  readonly adminPlace: {
    readonly backendUrl: string;
    readonly realm: string;
    readonly clientId: string;
    readonly clientSecret: string;
    readonly tokenRealm: string;
  };
  /** The person of the admin console, in the master realm. */
  readonly adminUser: { readonly username: string; readonly password: string };
  /** Its database, with the tables in the schema `keycloak`. */
  readonly databaseUrl: string;
  readonly pid: number;
  /** Ends it in good order, if it runs, and starts it again with the same database and ports. */
  restart(): Promise<void>;
  /** Ends it at once, as a crash would (SIGKILL). */
  kill(): Promise<void>;
}

export interface TestKeycloakOptions {
  /** Where browsers reach the platform. Default: an address that only `openBrowser` understands. */
  readonly publicOrigin?: string;
  /** Default: a database of its own. */
  readonly databaseUrl?: string;
  /** Core, to be told when sessions end. Default: nobody is there. */
  readonly coreUrl?: string;
  /** Default: `ada`, password `ada-secret`, in technicians. */
  readonly users?: readonly NewAccount[];
  /** "none" leaves it to the test to set up what it needs. Default: as Helm sets it up. */
  readonly realm?: "none";
}

interface Means {
  readonly java: JavaRuntime;
  readonly archive: string;
}

const means = await findMeans();

/** Why tests with a real Keycloak cannot run on this machine, and how they could; `false`: they can. */
export function keycloakServerSkip(): string | false {
  return typeof means === "string" ? means : false;
}

/** Starts a real Keycloak, by default with the realm set up; ended with the test. Takes about 20 s. */
export async function startKeycloakServer(
  scope: TestScope,
  options: TestKeycloakOptions = {},
): Promise<TestKeycloak> {
  const { publicOrigin = "http://hive.test:8000" } = options;
  const fill = async (url: string) => {
    const { server } = await createServer(scope, url, publicOrigin);
    await server.start();
    await server.stop();
  };
  const databaseUrl = options.databaseUrl ?? (await startServerDatabase(scope, fill));
  await makeServerSchema(databaseUrl);
  const { server, port } = await createServer(scope, databaseUrl, publicOrigin);
  await server.start();
  const keycloak: TestKeycloak = {
    ...describeServer(`http://127.0.0.1:${port}`, publicOrigin, "hivematrix"),
    adminUser,
    databaseUrl,
    lines: server.lines,
    get pid() {
      return server.pid;
    },
    openBrowser: () => new TestBrowser(keycloak),
    async restart() {
      await server.stop();
      await server.start();
    },
    kill: () => server.kill(),
    close: () => server.stop(),
  };
  if (options.realm !== "none") await setUpTestRealm(keycloak, publicOrigin, options);
  return keycloak;
}

/** Where a realm of it is, and how its clients prove who they are. */
export function describeServer(backendUrl: string, publicOrigin: string, realm: string) {
  return {
    backendUrl,
    serverUrl: `${publicOrigin}/keycloak`,
    realm,
    clientId: "core-client",
    clientSecret: "test-client-secret",
    issuer: `${publicOrigin}/keycloak/realms/${realm}`,
    redirectUri: `${publicOrigin}/keycloak-callback`,
    adminPlace: {
      backendUrl,
      realm,
      clientId: adminClient.id,
      clientSecret: adminClient.secret,
      tokenRealm: "master",
    },
  };
}

const adminClient = { id: "helm", secret: "test-admin-client-secret" };
const adminUser = { username: "root", password: "root-secret" };

/** Ended with the test. */
async function createServer(
  scope: TestScope,
  databaseUrl: string,
  publicOrigin: string,
): Promise<{ server: ServerProcess; port: number }> {
  const port = await findFreePort();
  const managementPort = await findFreePort();
  const env = serverEnvironment({
    port,
    managementPort,
    publicUrl: `${publicOrigin}/keycloak`,
    database: readDatabaseUrl(databaseUrl),
    adminClient,
    adminUser,
    logLevel: "info",
  });
  const { java } = requireMeans();
  const home = await makeOwnHome(scope, await sharedHome());
  const server = new ServerProcess({
    command: serverCommand({ java: java.program, home }, startWords),
    env,
    readyUrl: `http://127.0.0.1:${managementPort}/health/ready`,
  });
  scope.after(() => server.stop());
  return { server, port };
}

/** As Helm sets it up, with people in it. */
export async function setUpTestRealm(
  { adminPlace, clientId, clientSecret }: ReturnType<typeof describeServer>,
  publicOrigin: string,
  { coreUrl = "http://127.0.0.1:9", users = [ada] }: TestKeycloakOptions,
): Promise<void> {
  await setUpRealm(adminPlace, {
    publicOrigin,
    coreUrl,
    coreClient: { id: clientId, secret: clientSecret },
    helmClient: { id: adminPlace.clientId, secret: adminPlace.clientSecret },
    firstUser: undefined,
    loginTheme: themeName,
  });
  const admin = createIdentityAdmin(adminPlace);
  try {
    for (const { username, password = "", email, name = username, groups = [] } of users) {
      await admin.createUser({
        ...{ username, password, groups, isTemporary: false },
        ...splitName(name),
        ...(email !== undefined && { email }),
      });
    }
  } finally {
    await admin.close();
  }
}

/** The unpacked and built server that all tests on this machine share and only read. */
export async function sharedHome(): Promise<string> {
  const { java, archive } = requireMeans();
  const { version, sha256 } = pinnedKeycloak;
  const kind = createHash("sha256")
    .update(`${buildWords.join(" ")} ${sha256}`)
    .digest("hex");
  const user = process.getuid?.() ?? 0;
  const home = join(tmpdir(), `hivematrix-keycloak-${version}-${kind.slice(0, 12)}-${user}`);
  if (await isServerBuilt(home)) return home;
  const found = await fileSha256(archive);
  if (found !== sha256) throw new Error(`${archive} has SHA-256 ${found} instead of ${sha256}`);
  await makeServerHome({ java: java.program, home }, archive);
  return home;
}

/** What a running server writes, and the theme, are its own; everything else leads to the shared one. */
async function makeOwnHome(scope: TestScope, shared: string): Promise<string> {
  const home = mkdtempSync(join(tmpdir(), "hivematrix-keycloak-home-"));
  scope.after(() => rmSync(home, { recursive: true, force: true, maxRetries: 20 }));
  mkdirSync(join(home, "data"));
  for (const name of ["lib", "conf", "providers", "version.txt"]) {
    symlinkSync(join(shared, name), join(home, name));
  }
  await writeTheme(join(home, "themes", themeName));
  return home;
}

async function findMeans(): Promise<Means | string> {
  const { version } = pinnedKeycloak;
  try {
    const java = await findJava();
    const archive = process.env["KEYCLOAK_ARCHIVE"] || (await findMavenArchive(version));
    if (archive !== undefined) return { java, archive };
    return `skipped: Keycloak's archive is missing; with Maven: mvn dependency:get -Dartifact=org.keycloak:keycloak-quarkus-dist:${version}:tar.gz -Dtransitive=false`;
  } catch (error) {
    return `skipped: ${(error as Error).message}`;
  }
}

function requireMeans(): Means {
  if (typeof means === "string") throw new Error(means);
  return means;
}
