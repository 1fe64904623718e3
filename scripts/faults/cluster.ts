// Cores, gateways and what lies between them, as processes of their own.
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { updateConf } from "@hivematrix/lib/conf_file";
import { findFreePort } from "@hivematrix/lib/postgres_testing";
import { startTestPostgres, type TestPostgres, type TestScope } from "@hivematrix/lib/testing";
import { copyCore } from "../../core/process_testing.ts";
import { startTestProvider, type TestProvider } from "../../core/testing_provider.ts";
import { cookieNames } from "../../nexus/cookie_names.ts";
import { createSealedBox } from "../../nexus/sealed_box.ts";
import { createSessionCookie } from "../../nexus/session_cookie.ts";
import { startRecordingUpstream } from "./recording_upstream.ts";
import { ServiceProcess } from "./service_process.ts";
import { startRelay, type TcpRelay } from "./tcp_relay.ts";

export interface ClusterShape {
  readonly cores: number;
  readonly gateways: number;
  readonly store: "memory" | "postgres";
  /** Each connection of a gateway leads to any Core, as through a balancer. */
  readonly isBalanced?: boolean;
}

export interface Cluster {
  readonly shape: ClusterShape;
  readonly provider: TestProvider;
  readonly cores: readonly ServiceProcess[];
  readonly gateways: readonly ServiceProcess[];
  /** Between each gateway and Core. */
  readonly relays: readonly TcpRelay[];
  /** A server of its own, for it is killed. */
  readonly postgres: TestPostgres | undefined;
  /** The gateways' common public address. */
  readonly origin: URL;
  /** Helm's credential at Core. */
  readonly helm: string;
  /** The cookie by which any of the gateways knows the session. */
  formatCookie(token: string): string;
}

const secrets = { nexus: "nexus-secret", helm: "helm-secret" };
const gatewaySecretKey = "the-secret-key-of-all-gateways";

/** @param onReached with the number of each request that reaches the service behind the gateways */
export async function startCluster(
  scope: TestScope,
  shape: ClusterShape,
  onReached: (request: number) => void,
): Promise<Cluster> {
  const provider = await startTestProvider(scope);
  const upstream = await startRecordingUpstream(scope, onReached);
  const postgres =
    shape.store === "postgres" ? await startTestPostgres(scope, { own: true }) : undefined;
  const cores = await prepareCores(scope, shape, provider, postgres?.url);
  // One after the other: the first one makes the keys.
  for (const core of cores) await core.start();

  const origin = new URL("http://hive.example");
  const gateways: ServiceProcess[] = [];
  const relays: TcpRelay[] = [];
  for (let i = 0; i < shape.gateways; i++) {
    let turn = i;
    const nextTurn = () => (shape.isBalanced ? turn++ : turn);
    const relay = await startRelay(scope, () => cores[nextTurn() % cores.length]?.port ?? 0);
    relays.push(relay);
    gateways.push(await prepareGateway(scope, `nexus ${i}`, origin, relay.url, upstream.url));
  }
  await Promise.all(gateways.map((gateway) => gateway.start()));

  const names = cookieNames(origin);
  const box = createSealedBox(gatewaySecretKey);
  const cookie = createSessionCookie(box, names, { isSecure: false });
  return {
    shape,
    provider,
    cores,
    gateways,
    relays,
    postgres,
    origin,
    helm: `Basic ${Buffer.from(`helm:${secrets.helm}`).toString("base64")}`,
    formatCookie: (token) => cookie.format(token, 3600).split(";", 1)[0] ?? "",
  };
}

/** All from one folder: they share settings and signing keys. */
async function prepareCores(
  scope: TestScope,
  { cores: count }: ClusterShape,
  { keycloak }: TestProvider,
  connectionString: string | undefined,
): Promise<ServiceProcess[]> {
  const folder = copyCore(scope, {
    SERVICE_NAME: "core",
    PORT: "0",
    SECRET_KEY: "a secret key",
    KEYCLOAK_BACKEND_URL: keycloak.backendUrl,
    KEYCLOAK_ISSUER: keycloak.issuer ?? "",
    KEYCLOAK_REALM: keycloak.realm,
    KEYCLOAK_CLIENT_ID: keycloak.clientId,
    KEYCLOAK_CLIENT_SECRET: keycloak.clientSecret,
  });
  const hashes = Object.entries(secrets).map(([service, secret]) => [
    service,
    `sha256:${createHash("sha256").update(secret).digest("hex")}`,
  ]);
  const conf = updateConf("", {
    service_secrets: Object.fromEntries(hashes),
    ...(connectionString === undefined
      ? {}
      : { database: { connection_string: connectionString } }),
  });
  writeFileSync(join(folder, "instance", "core.conf"), conf);
  const ports = await Promise.all(Array.from({ length: count }, findFreePort));
  return ports.map((port, i) => new ServiceProcess(scope, `core ${i}`, { folder, port }));
}

async function prepareGateway(
  scope: TestScope,
  name: string,
  origin: URL,
  coreUrl: string,
  upstreamUrl: string,
): Promise<ServiceProcess> {
  const folder = copyNexus(scope, { upstream: { url: upstreamUrl } });
  const env = {
    SERVICE_NAME: "nexus",
    NEXUS_SERVICE_URL: origin.origin,
    CORE_SERVICE_URL: coreUrl,
    KEYCLOAK_SERVER_URL: `${origin.origin}/keycloak`,
    KEYCLOAK_BACKEND_URL: "http://127.0.0.1:9",
    KEYCLOAK_REALM: "hivematrix",
    KEYCLOAK_CLIENT_ID: "core-client",
    KEYCLOAK_CLIENT_SECRET: "test-client-secret",
    SECRET_KEY: gatewaySecretKey,
    SERVICE_SECRET: secrets.nexus,
    // To be paused and killed as a whole.
    PROCESSES: "1",
  };
  return new ServiceProcess(scope, name, { folder, port: await findFreePort(), env });
}

/** A copy of Nexus without an installation's settings, in a folder laid out like a checkout. */
function copyNexus(scope: TestScope, services: object): string {
  const checkout = join(import.meta.dirname, "..", "..");
  const root = mkdtempSync(join(tmpdir(), "hivematrix-faults-"));
  scope.after(() => rmSync(root, { recursive: true, force: true, maxRetries: 20 }));
  symlinkSync(join(checkout, "node_modules"), join(root, "node_modules"));
  writeFileSync(join(root, "package.json"), '{"type":"module"}');
  const folder = join(root, "nexus");
  mkdirSync(folder);
  const isSource = (path: string) => !/\/(?:instance|\.env|services\.json)$/.test(path);
  cpSync(join(checkout, "nexus"), folder, { recursive: true, filter: isSource });
  writeFileSync(join(folder, "services.json"), JSON.stringify(services));
  return folder;
}
