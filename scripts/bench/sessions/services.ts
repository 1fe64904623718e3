// Core and Nexus as on the platform: each a copy of its folder, a process and settings of its own.
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { updateConf } from "@hivematrix/lib/conf_file";
import { findFreePort } from "@hivematrix/lib/postgres_testing";
import type { TestScope } from "@hivematrix/lib/testing";
import { copyCore, env as coreEnv } from "../../../core/process_testing.ts";
import { hashServiceSecret } from "../../../core/testing.ts";
import type { TestProvider } from "../../../core/testing_provider.ts";
import { post } from "./calls.ts";
import { type MeasuredProcess, startMeasured } from "./measured_process.ts";
import { makePerson, makeSignIn } from "./people.ts";

const root = join(import.meta.dirname, "..", "..", "..");
const nexusSecret = "the secret of every Nexus here";

export interface CoreProcess extends MeasuredProcess {
  /** A sign-in of one person or another. @returns the user token */
  signIn(person: number, options?: SignInOptions): Promise<string>;
  validate(token: string): Promise<unknown>;
  /** Resolves when it has been answered with 200. */
  revoke(token: string): Promise<void>;
}

export interface SignInOptions {
  /** With all that Nexus sends along. Without it the session's end does not concern the provider. */
  readonly isWhole?: boolean;
}

export interface CoreOptions {
  readonly provider: TestProvider;
  /** Without one, sessions are kept in memory. */
  readonly connectionString?: string | undefined;
  readonly env?: Readonly<Record<string, string>>;
}

/** A Core's folder that can be started several times, one after the other. */
export function prepareCore(scope: TestScope, options: CoreOptions) {
  const { provider, connectionString, env = {} } = options;
  const settings = { ...coreEnv, KEYCLOAK_BACKEND_URL: provider.keycloak.backendUrl, ...env };
  const folder = copyCore(scope, settings);
  const conf = updateConf("", {
    service_secrets: { nexus: hashServiceSecret(nexusSecret) },
    ...(connectionString && { database: { connection_string: connectionString } }),
  });
  writeFileSync(join(folder, "instance", "core.conf"), conf);
  writeFileSync(join(folder, "services.json"), '{"nexus":{"url":"http://127.0.0.1:9"}}');
  return async (): Promise<CoreProcess> => {
    const started = await startMeasured(scope, { folder, port: await findFreePort() });
    return { ...started, ...createCoreCalls(started.url, provider) };
  };
}

export async function startCore(scope: TestScope, options: CoreOptions): Promise<CoreProcess> {
  const core = await prepareCore(scope, options)();
  // The first end waits until what a Core before may have granted is over.
  await core.revoke(await core.signIn(0));
  return core;
}

/** @param services name and address of what is behind it */
export async function startNexus(
  scope: TestScope,
  { coreUrl, services = {} }: { coreUrl: string; services?: Readonly<Record<string, string>> },
): Promise<MeasuredProcess> {
  const folder = copyNexus(scope);
  const entries = Object.entries(services).map(([name, url]) => [name, { url }]);
  writeFileSync(join(folder, "services.json"), JSON.stringify(Object.fromEntries(entries)));
  const port = await findFreePort();
  const origin = `http://127.0.0.1:${port}`;
  const env = {
    SERVICE_NAME: "nexus",
    NEXUS_SERVICE_URL: origin,
    CORE_SERVICE_URL: coreUrl,
    KEYCLOAK_SERVER_URL: `${origin}/keycloak`,
    KEYCLOAK_BACKEND_URL: "http://127.0.0.1:9",
    KEYCLOAK_REALM: "hivematrix",
    KEYCLOAK_CLIENT_ID: "core-client",
    KEYCLOAK_CLIENT_SECRET: "c",
    SECRET_KEY: "a secret key",
    SERVICE_SECRET: nexusSecret,
    // It is asked for its memory, and its sockets are counted.
    PROCESSES: "1",
  };
  return await startMeasured(scope, { folder, port, env });
}

function createCoreCalls(url: string, provider: TestProvider) {
  return {
    async signIn(number: number, { isWhole = false }: SignInOptions = {}): Promise<string> {
      const access_token = provider.giveAccessToken(makePerson(number));
      const body = { access_token, ...(isWhole && makeSignIn(number)) };
      const { token } = (await post(`${url}/api/token/exchange`, body)) as { token: string };
      return token;
    },
    validate: (token: string) => post(`${url}/api/token/validate`, { token }),
    async revoke(token: string): Promise<void> {
      await post(`${url}/api/token/revoke`, { token });
    },
  };
}

/** Without the settings of this checkout, and beside the same packages. */
function copyNexus(scope: TestScope): string {
  const place = mkdtempSync(join(tmpdir(), "hivematrix-nexus-bench-"));
  scope.after(() => rmSync(place, { recursive: true, force: true, maxRetries: 20 }));
  symlinkSync(join(root, "node_modules"), join(place, "node_modules"));
  writeFileSync(join(place, "package.json"), '{"type":"module"}');
  const folder = join(place, "nexus");
  for (const name of readdirSync(join(root, "nexus"))) {
    const isCode = /^(?:static|views)$|(?<!\.test)\.ts$/.test(name);
    if (isCode) cpSync(join(root, "nexus", name), join(folder, name), { recursive: true });
  }
  return folder;
}
