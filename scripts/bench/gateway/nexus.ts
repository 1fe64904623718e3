// Nexus as Helm starts it, with a real Core, a sealed cookie, session check and composition.
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { cpSync, mkdirSync, openSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { findFreePort } from "@hivematrix/lib/postgres_testing";
import { nodeCommand } from "../../../helm/config/node_command.ts";
import { TestBrowser } from "../../../nexus/browser_testing.ts";
import { startHostileProvider } from "../../../nexus/hostile_provider_testing.ts";
import type { Bench, Contender, Running } from "./contender.ts";
import { type Scope, waitForPort } from "./processes.ts";

const root = dirname(dirname(dirname(import.meta.dirname)));

export const nexus: Contender = { name: "Nexus", composes: true, start: startNexus };

/** The same gateway and the same page, for a script instead of a window: nothing is injected. */
export const nexusWithoutComposition: Contender = {
  name: "Nexus without composition",
  async start(bench) {
    const running = await startNexus(bench);
    const headers = { ...running.headers, "sec-fetch-dest": "empty", "sec-fetch-mode": "cors" };
    return { ...running, headers };
  },
};

let started: Promise<Running> | undefined;

/** Both contenders are one gateway. */
function startNexus(bench: Bench): Promise<Running> {
  started ??= startPlatform(bench);
  return started;
}

async function startPlatform({
  scope,
  folder,
  upstreamUrl,
  profileFolder,
  processes,
}: Bench): Promise<Running> {
  const checkout = copyCheckout(folder);
  const [corePort, port] = [await findFreePort(), await findFreePort()];
  const origin = `http://127.0.0.1:${port}`;
  const coreUrl = `http://127.0.0.1:${corePort}`;
  const provider = await startHostileProvider(scope, `${origin}/keycloak`);
  const secret = randomBytes(32).toString("base64url");
  const shared = {
    NEXUS_SERVICE_URL: origin,
    CORE_SERVICE_URL: coreUrl,
    KEYCLOAK_SERVER_URL: `${origin}/keycloak`,
    KEYCLOAK_BACKEND_URL: provider.backendUrl,
    KEYCLOAK_REALM: provider.realm,
    KEYCLOAK_CLIENT_ID: provider.clientId,
    KEYCLOAK_CLIENT_SECRET: provider.clientSecret,
  };
  const services = { core: { url: coreUrl, visible: false }, template: { url: upstreamUrl } };
  for (const name of ["core", "nexus"]) {
    writeFileSync(join(checkout, name, "services.json"), JSON.stringify(services));
  }
  const hash = createHash("sha256").update(secret).digest("hex");
  mkdirSync(join(checkout, "core", "instance"));
  writeFileSync(
    join(checkout, "core", "instance", "core.conf"),
    `[service_secrets]\nnexus = sha256:${hash}\n`,
  );
  await startService(scope, checkout, "core", corePort, { ...shared, SECRET_KEY: "of core" });
  const own = { ...shared, SECRET_KEY: "of nexus", SERVICE_SECRET: secret, PROCESSES: processes };
  const flags = profileFolder ? ["--cpu-prof", `--cpu-prof-dir=${profileFolder}`] : [];
  const pid = await startService(scope, checkout, "nexus", port, own, flags);
  const browser = new TestBrowser(origin);
  const page = await browser.open("/login?next=/template/page");
  if (page.status !== 200) throw new Error(`Cannot sign in: ${page.status} ${page.body}`);
  const cookie = browser.cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
  const headers = { cookie, "sec-fetch-dest": "document", "sec-fetch-mode": "navigate" };
  return { url: `${origin}/template`, headers, pids: [pid] };
}

/** A copy, since a service reads the settings in its own folder. */
function copyCheckout(folder: string): string {
  const checkout = join(folder, "checkout");
  const isSource = (path: string) => !/\/(?:instance|\.env|services\.json)$/.test(path);
  for (const name of ["nexus", "core", "lib", "package.json", "tsconfig.json"]) {
    cpSync(join(root, name), join(checkout, name), { recursive: true, filter: isSource });
  }
  symlinkSync(join(root, "node_modules"), join(checkout, "node_modules"));
  return checkout;
}

/** As the supervisor does: what it prints goes straight into a file. */
async function startService(
  scope: Scope,
  checkout: string,
  name: string,
  port: number,
  settings: Record<string, string>,
  flags: readonly string[] = [],
): Promise<number> {
  const [program, ...words] = nodeCommand(name);
  const log = openSync(join(checkout, `${name}.log`), "a");
  const child = spawn(program, [...flags, ...words], {
    cwd: join(checkout, name),
    env: { PATH: process.env["PATH"], SERVICE_NAME: name, PORT: String(port), ...settings },
    stdio: ["ignore", log, log],
  });
  const exited = once(child, "exit");
  scope.after(async () => {
    child.kill("SIGTERM");
    await exited;
  });
  await waitForPort(port);
  return child.pid ?? 0;
}
