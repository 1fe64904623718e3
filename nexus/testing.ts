// Starts a Nexus for tests: a real gateway on a real port, with a real Core, a provider, and
// services that record what reaches them.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { closeServer } from "@hivematrix/lib/close_server";
import type { ThrottleLimits } from "@hivematrix/lib/password_throttle";
import { findFreePort } from "@hivematrix/lib/postgres_testing";
import { listen } from "@hivematrix/lib/serve";
import type { ServiceEntry } from "@hivematrix/lib/service_registry";
import { createTestLog, type TestScope } from "@hivematrix/lib/testing";
import { type StartedCore, startCore, type TestCoreOptions } from "../core/testing.ts";
import { TestBrowser } from "./browser_testing.ts";
import { type CoreDoor, startCoreDoor } from "./core_door_testing.ts";
import type { UpstreamTimeouts } from "./forward.ts";
import { type HostileProvider, startHostileProvider } from "./hostile_provider_testing.ts";
import { defaultLimits, type NexusLimits } from "./limits.ts";
import type { NexusSettings } from "./nexus_settings.ts";
import { createNexus, type Nexus } from "./server.ts";
import { startUpstream, type TestUpstream } from "./upstream_testing.ts";

export interface TestNexusOptions {
  /** Over TLS, with a certificate made for the test. */
  readonly isSecure?: boolean;
  /** In the public address. Default: 127.0.0.1, where it listens in any case. */
  readonly hostname?: string;
  /** Services beside `template`; those without a url lead to the same upstream. */
  readonly services?: Readonly<Record<string, Partial<ServiceEntry>>>;
  readonly timeoutsMs?: UpstreamTimeouts;
  readonly limits?: Partial<NexusLimits>;
  /** Nexus counts the passwords that are tried, with these limits. */
  readonly passwordLimits?: ThrottleLimits;
  readonly trustedProxies?: readonly string[];
  /** How often Helm is told of the requests, where `services` has one. */
  readonly figuresEveryMs?: number;
  readonly core?: TestCoreOptions;
  /** Another provider than the hostile one, made once the addresses of Nexus and Core are known. */
  readonly startProvider?: (publicOrigin: string, coreUrl: string) => Promise<ProviderAddress>;
}

export interface ProviderAddress {
  readonly backendUrl: string;
  readonly realm: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** As browsers reach it. Default: through Nexus. */
  readonly publicUrl?: string;
}

export interface TestNexus {
  /** The public origin. */
  readonly origin: string;
  readonly url: URL;
  readonly settings: NexusSettings;
  readonly core: StartedCore;
  /** Between Nexus and Core. */
  readonly coreDoor: CoreDoor;
  readonly provider: HostileProvider;
  readonly upstream: TestUpstream;
  /** What it has logged, a JSON line each. */
  readonly logLines: readonly string[];
  /** @param localAddress where it is, in 127.0.0.0/8 */
  openBrowser(localAddress?: string): TestBrowser;
  /** A user token, as services get it. */
  obtainToken(): Promise<string>;
  /** A browser in which somebody is signed in. */
  signIn(person?: HostileProvider["person"]): Promise<TestBrowser>;
  /** Writes services.json anew, with these beside `template`. */
  changeServices(services: NonNullable<TestNexusOptions["services"]>): void;
  /** Ends the gateway and starts it again with the same settings. @param whileDown between the two */
  restart(whileDown?: () => Promise<void>): Promise<void>;
}

/** Starts a gateway on a free port, gone when the test ends. */
export async function startNexus(
  scope: TestScope,
  options: TestNexusOptions = {},
): Promise<TestNexus> {
  const { isSecure = false, hostname = "127.0.0.1", services = {}, timeoutsMs } = options;
  const port = await findFreePort();
  const corePort = await findFreePort();
  const origin = `http${isSecure ? "s" : ""}://${hostname}:${port}`;
  const folder = mkdtempSync(join(tmpdir(), "hivematrix-nexus-"));
  scope.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20 }));

  const hostile = await startHostileProvider(scope, `${origin}/keycloak`);
  const coreUrl = `http://127.0.0.1:${corePort}`;
  const provider: ProviderAddress = (await options.startProvider?.(origin, coreUrl)) ?? hostile;
  const { backendUrl, realm, clientId, clientSecret } = provider;
  const publicUrl = provider.publicUrl ?? `${origin}/keycloak`;
  const issuer = `${publicUrl}/realms/${realm}`;
  const keycloak = { backendUrl, realm, clientId, clientSecret, issuer };
  const core = await startCore(scope, { keycloak, port: corePort, ...options.core });
  const coreDoor = await startCoreDoor(scope, core.url);
  const upstream = await startUpstream(scope);
  const servicesFile = writeServices(folder, { core, upstream, services });
  const settings: NexusSettings = {
    NEXUS_SERVICE_URL: origin,
    CORE_SERVICE_URL: coreDoor.url,
    KEYCLOAK_SERVER_URL: publicUrl,
    KEYCLOAK_BACKEND_URL: backendUrl,
    KEYCLOAK_REALM: realm,
    KEYCLOAK_CLIENT_ID: clientId,
    KEYCLOAK_CLIENT_SECRET: clientSecret,
    SECRET_KEY: "a-secret-key-of-this-test",
    SERVICE_SECRET: core.secretOf("nexus"),
    limits: { ...defaultLimits, ...options.limits },
    ...(options.passwordLimits && { passwordLimits: options.passwordLimits }),
    trustedProxies: options.trustedProxies ?? [],
    ...(isSecure && makeCertificate(folder)),
  };

  const log = createTestLog("nexus");
  const start = async (): Promise<Nexus> => {
    const nexus = createNexus(settings, servicesFile, log, {
      timeoutsMs,
      ...(options.figuresEveryMs && { figuresEveryMs: options.figuresEveryMs }),
    });
    try {
      await listen(nexus.server, { port, hostname: "127.0.0.1", service: "nexus" });
      return nexus;
    } catch (error) {
      // Its feed would keep the test's process from ending.
      await nexus.close();
      throw error;
    }
  };
  const stop = async ({ server, close }: Nexus) => {
    await closeServer(server, { drainTimeoutMs: 0 });
    await close();
  };
  let nexus = await start();
  scope.after(() => stop(nexus));
  const started: TestNexus = {
    origin,
    url: new URL(origin),
    settings,
    core,
    coreDoor,
    provider: hostile,
    upstream,
    logLines: log.lines,
    openBrowser: (localAddress) => new TestBrowser(origin, localAddress),
    async signIn(person = hostile.person) {
      hostile.person = person;
      const browser = started.openBrowser();
      const page = await browser.open("/login");
      if (page.status !== 200) throw new Error(`Cannot sign in: ${page.status} ${page.body}`);
      return browser;
    },
    async obtainToken() {
      const browser = await started.signIn();
      await browser.open("/template/");
      return upstream.requests.pop()?.headers("authorization")[0]?.replace("Bearer ", "") ?? "";
    },
    changeServices(changed) {
      writeServices(folder, { core, upstream, services: changed });
    },
    async restart(whileDown) {
      await stop(nexus);
      await whileDown?.();
      nexus = await start();
    },
  };
  return started;
}

function writeServices(
  folder: string,
  {
    core,
    upstream,
    services,
  }: {
    core: StartedCore;
    upstream: TestUpstream;
    services: Readonly<Record<string, Partial<ServiceEntry>>>;
  },
): string {
  const file = join(folder, "services.json");
  const others = Object.entries(services).map(([name, entry]) => [
    name,
    { url: upstream.url, ...entry },
  ]);
  const entries = {
    core: { url: core.url, visible: false },
    template: { url: upstream.url, title: "Notes" },
    ...Object.fromEntries(others),
  };
  writeFileSync(file, JSON.stringify(entries));
  return file;
}

interface CertificateOptions {
  readonly name?: string;
  readonly days?: number;
  readonly kind?: "ec" | "rsa";
}

/** A self-signed certificate in `<folder>/cert.pem` and `key.pem`, as openssl makes it. */
export function makeCertificate(
  folder: string,
  { name = "nexus-test", days = 30, kind = "ec" }: CertificateOptions = {},
): { TLS_CERT_FILE: string; TLS_KEY_FILE: string } {
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
  const newKey = [...(kind === "ec" ? curve : ["-newkey", "rsa:2048"]), "-nodes"];
  const names = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name},IP:127.0.0.1`];
  const files = ["-keyout", key, "-out", cert, "-days", String(days)];
  execFileSync("openssl", ["req", "-x509", ...newKey, ...names, ...files], { stdio: "ignore" });
  return { TLS_CERT_FILE: cert, TLS_KEY_FILE: key };
}
