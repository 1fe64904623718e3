// Starts a Core for tests, of Core itself and of Nexus: real handlers on a real port.
import { createHash, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { updateConf } from "@hivematrix/lib/conf_file";
import { HttpError } from "@hivematrix/lib/http_error";
import { type Context, router } from "@hivematrix/lib/router";
import { serve } from "@hivematrix/lib/serve";
import { createServiceRegistry } from "@hivematrix/lib/service_registry";
import { createTestLog, type TestScope } from "@hivematrix/lib/testing";
import { createTraceparent } from "@hivematrix/lib/trace";
import type { Core } from "./core.ts";
import { IdentityReconcile, type IdentityReconcileOptions } from "./identity_reconcile.ts";
import type { RotatingKeys } from "./key_ring.ts";
import type { Keycloak } from "./keycloak.ts";
import { openSessions } from "./open_sessions.ts";
import { acceptFeeds } from "./revocation_feed_upgrade.ts";
import { coreRoutes } from "./routes.ts";
import { createServiceCredentials } from "./service_credentials.ts";
import type { SessionStore } from "./session_store.ts";
import { createKeySet, generatePrivateKey, type KeySet } from "./signing_key.ts";
import { startTestProvider, type TestProvider } from "./testing_provider.ts";
import { createTokens } from "./tokens.ts";

export interface TestCoreOptions {
  /** Default: a new MemorySessionStore. */
  readonly sessions?: SessionStore;
  /** For sessions in PostgreSQL, which several Cores may share. */
  readonly connectionString?: string;
  readonly sessionLifetimeSeconds?: number;
  readonly idleSeconds?: number;
  /** Whether the feeds may grant leases, in addition to what a shared database asks for. */
  readonly mayGrant?: () => boolean;
  readonly issuer?: string;
  /** Default: one key for all Cores of the test file, which does not rotate. */
  readonly keys?: RotatingKeys;
  /** Milliseconds since 1970, for the default store and the tokens. */
  readonly now?: () => number;
  /** Default: a free one. */
  readonly port?: number;
  /** Another identity provider than the small one of testing_provider.ts. */
  readonly keycloak?: Keycloak;
  /** Has Core ask the provider what has become of people. Default: it does not. */
  readonly reconcile?: Omit<IdentityReconcileOptions, "log">;
  /** The services in services.json, each with a secret of its own. Default: template, codex. */
  readonly services?: readonly string[];
  /** Services that may ask for a service token without a credential. */
  readonly legacyServices?: readonly string[];
}

export interface StartedCore extends Core {
  /** For CORE_SERVICE_URL. */
  readonly url: string;
  readonly provider: TestProvider;
  /** core.conf, as Helm would write it. */
  readonly confFile: string;
  /** What it has logged, a JSON line each. */
  readonly logLines: readonly string[];
  get(path: string): Promise<Response>;
  /** POST with a JSON body; a string is sent as it stands. */
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  /** A sign-in through /api/token/exchange. @returns the user token */
  signIn(userinfo?: object, provider?: Record<string, string>): Promise<string>;
  /** SERVICE_SECRET of a service, and the Authorization header made of it. */
  secretOf(service: string): string;
  basicOf(service: string): string;
  close(): Promise<void>;
}

/** Somebody to sign in, as the provider's userinfo endpoint describes her. */
export const adaUserinfo = {
  sub: "ada-sub",
  name: "Ada Lovelace",
  email: "ada@example.org",
  preferred_username: "ada",
  groups: ["technicians"],
};

let keys: Promise<KeySet> | undefined;

/** One key for all Cores of a test file: making one takes longer than most tests. */
export function testKeySet(): Promise<KeySet> {
  keys ??= generatePrivateKey().then(createKeySet);
  return keys;
}

async function withoutRotation(keySet: Promise<KeySet>): Promise<RotatingKeys> {
  const rotate = () => Promise.reject(new HttpError(409, "This test's key does not rotate"));
  return { ...(await keySet), rotate };
}

/** Starts a Core on a free port, gone when the test ends. */
export async function startCore(
  scope: TestScope,
  options: TestCoreOptions = {},
): Promise<StartedCore> {
  const { services = ["template", "codex"], legacyServices = [], now = Date.now } = options;
  const { issuer = "hivematrix.core", sessionLifetimeSeconds = 3600, port = 0 } = options;
  const provider = await startTestProvider(scope);
  const folder = mkdtempSync(join(tmpdir(), "hivematrix-core-"));
  scope.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20 }));
  const secrets = new Map(["nexus", ...services].map((name) => [name, randomUUID()]));
  const { confFile, servicesFile } = writeFiles(folder, services, secrets, legacyServices);
  const keySet = options.keys ?? (await withoutRotation(testKeySet()));
  const log = createTestLog("core");
  const keycloak = options.keycloak ?? provider.keycloak;
  // Nobody was granted anything before this Core, so it need not wait for that to run out.
  const opened = openSessions({
    secretKey: "a secret key",
    ...options,
    log,
    keycloak,
    startsFresh: true,
  });
  const core: Core = {
    ...opened,
    sessionLifetimeSeconds,
    idleSeconds: options.idleSeconds,
    keys: keySet,
    tokens: createTokens({ keys: keySet, issuer, now }),
    keycloak,
    credentials: createServiceCredentials(confFile),
    registry: createServiceRegistry(servicesFile),
  };
  const reconcile = options.reconcile && new IdentityReconcile(core, { ...options.reconcile, log });
  scope.after(async () => {
    await reconcile?.close();
    await opened.close();
  });
  const handle = router(coreRoutes(core), { service: "core", log });
  const onUpgrade = acceptFeeds(core);
  const server = await serve(handle, { port, service: "core", drainTimeoutMs: 500, onUpgrade });
  scope.after(() => server.close());

  const post: StartedCore["post"] = (path, body, headers = {}) =>
    fetch(new URL(path, server.url), {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  const secretOf = (service: string) => secrets.get(service) ?? "";
  return {
    ...core,
    url: server.url.origin,
    provider,
    confFile,
    logLines: log.lines,
    get: (path) => fetch(new URL(path, server.url)),
    post,
    async signIn(userinfo = adaUserinfo, providerSession = {}) {
      const access_token = provider.giveAccessToken(userinfo);
      const response = await post("/api/token/exchange", { access_token, ...providerSession });
      const { token } = (await response.json()) as { token: string };
      return token;
    },
    secretOf,
    basicOf: (service) => formatBasic(service, secretOf(service)),
    close: () => server.close(),
  };
}

/** What a handler gets beside its request, to call it without a server. */
export function createTestContext(url: string): Context {
  return {
    params: {},
    url: new URL(url),
    requestId: "test-request",
    traceparent: createTraceparent(),
    log: createTestLog("core"),
    link: (path) => path,
  };
}

/** HTTP Basic (RFC 7617). */
export function formatBasic(service: string, secret: string): string {
  return `Basic ${Buffer.from(`${service}:${secret}`).toString("base64")}`;
}

/** As in core.conf's [service_secrets]. */
export function hashServiceSecret(secret: string): string {
  return `sha256:${createHash("sha256").update(secret).digest("hex")}`;
}

function writeFiles(
  folder: string,
  services: readonly string[],
  secrets: ReadonlyMap<string, string>,
  legacyServices: readonly string[],
) {
  const confFile = join(folder, "core.conf");
  const hashes = [...secrets].map(([name, secret]) => [name, hashServiceSecret(secret)]);
  const conf = updateConf("", {
    service_secrets: Object.fromEntries(hashes),
    legacy_service_token: Object.fromEntries(legacyServices.map((name) => [name, "true"])),
  });
  writeFileSync(confFile, conf);
  const servicesFile = join(folder, "services.json");
  const entries = services.map((name) => [name, { url: "http://127.0.0.1:9" }]);
  writeFileSync(servicesFile, JSON.stringify(Object.fromEntries(entries)));
  return { confFile, servicesFile };
}
