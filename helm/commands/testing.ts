// For tests of the command line: an installation with the real Helm and small stand-ins for the
// services, so that a test is about Helm and takes a second; or a configuration alone, whose commands
// run in the test's own process, as starting another one takes longer than most of them.
import { AsyncLocalStorage } from "node:async_hooks";
import { execFile } from "node:child_process";
import { cpSync, existsSync } from "node:fs";
import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { TestScope } from "@hivematrix/lib/testing";
import type { StartedCore } from "../../core/testing.ts";
import type { Checkout } from "../config/checkout.ts";
import { type MasterConfig, saveMasterConfig } from "../config/master_config.ts";
import { connectDaemon } from "../control/control_client.ts";
import { afterTest, findFreeOffset, makeCheckout, makeConfig } from "../testing.ts";
import { runHelm } from "./command_line.ts";

const root = join(import.meta.dirname, "..", "..");

/** Answers everything on PORT, and says like a real service when that is missing. */
const standIn = `
import { createServer } from "node:http";
if (process.env.PORT === undefined) {
  const message = "Cannot start: PORT is missing, run \\"helm config sync-all\\"";
  console.log(JSON.stringify({ time: new Date(), level: "error", message }));
  process.exit(1);
}
const server = createServer((request, response) => response.end("ok"));
server.listen(Number(process.env.PORT), "127.0.0.1", () => console.log("listening"));
process.on("SIGTERM", () => process.exit(0));
`;

export interface CommandResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface TestInstallation {
  readonly checkout: Checkout;
  /** Runs `scripts/helm` with the given words. */
  helm(...words: string[]): Promise<CommandResult>;
  /** Runs a script of the installation with something to read. */
  run(script: string, words: readonly string[], options?: RunOptions): Promise<CommandResult>;
  /** What `helm status --json` shows: state and pid by service. */
  status(): Promise<Map<string, { state: string; pid?: number; port?: number; reason?: string }>>;
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * An installation in a temporary folder; whatever runs of it is stopped when the test ends.
 *
 * @param isInitialised with a configuration; else `helm init` is still to be called
 */
export async function makeInstallation(
  t: TestScope,
  { isInitialised = true }: { isInitialised?: boolean } = {},
): Promise<TestInstallation> {
  const checkout = await makeCheckout(t);
  const files = ["package.json", "package-lock.json", "template/package.json"];
  const filter = (path: string) =>
    !/[/\\](?:instance|\.env|services\.json|bench|faults)$|(?:\.test|testing)\.ts$/.test(path);
  for (const part of ["helm", "lib", "scripts", ...files]) {
    cpSync(join(root, part), join(checkout.root, part), { recursive: true, filter });
  }
  await linkPackages(checkout.root);
  for (const app of ["core", "nexus", "template", "keycloak"]) {
    await writeFile(join(checkout.appFolder(app), "main.ts"), standIn);
  }
  if (isInitialised) await saveMasterConfig(checkout, await configWithoutDatabases());

  const run = (script: string, words: readonly string[], options: RunOptions = {}) =>
    runScript(join(checkout.root, script), words, options);
  const helm = (...words: string[]) => run("scripts/helm", words);
  afterTest(t, async () => {
    // Most tests start nothing.
    if (existsSync(dirname(checkout.runDir))) await helm("down");
  });
  return {
    checkout,
    helm,
    run,
    async status() {
      // What `helm status` asks too, without a process for each question of a test that waits.
      const daemon = await connectDaemon(checkout);
      const { services } =
        (await daemon?.status()) ?? JSON.parse((await helm("status", "--json")).stdout);
      return new Map(services.map((service: { name: string }) => [service.name, service]));
    },
  };
}

/** A checkout with a configuration and without sources: for commands that start nothing. */
export async function makeConfiguration(
  t: TestScope,
  { isInitialised = true }: { isInitialised?: boolean } = {},
): Promise<Pick<TestInstallation, "checkout" | "helm">> {
  const checkout = await makeCheckout(t);
  if (isInitialised) await saveMasterConfig(checkout, await configWithoutDatabases());
  return { checkout, helm: (...words) => runHere(checkout, words) };
}

/** The same configuration with a Core of the test's own, and Helm's credential there. */
export function withCore(
  config: MasterConfig,
  { url, secretOf }: Pick<StartedCore, "url" | "secretOf">,
) {
  const { core, helm } = config.apps;
  const apps = {
    ...config.apps,
    core: { ...core, port: Number(new URL(url).port) },
    helm: { ...helm, service_secret: secretOf("helm") },
  };
  return { ...config, apps };
}

const captured = new AsyncLocalStorage<{ stdout: string; stderr: string }>();
for (const name of ["stdout", "stderr"] as const) {
  const stream = process[name];
  const write = stream.write.bind(stream) as (...given: unknown[]) => boolean;
  // What the test's own report writes meanwhile is none of the command's.
  stream.write = (...given: unknown[]) => {
    const output = captured.getStore();
    if (output === undefined || typeof given[0] !== "string") return write(...given);
    output[name] += given[0];
    return true;
  };
}

/** What is written to standard output and error meanwhile. */
export async function captureOutput(
  act: () => Promise<void>,
): Promise<Pick<CommandResult, "stdout" | "stderr">> {
  const output = { stdout: "", stderr: "" };
  await captured.run(output, act);
  return output;
}

/** Runs a command as `scripts/helm` would, but in this process; it finds no terminal, and no input. */
export async function runHere(
  checkout: Checkout,
  words: readonly string[],
): Promise<CommandResult> {
  const before = process.exitCode;
  process.exitCode = undefined;
  try {
    const output = await captureOutput(() => runHelm(words, checkout));
    return { ...output, status: Number(process.exitCode ?? 0) };
  } finally {
    process.exitCode = before;
  }
}

/**
 * The packages of this checkout as another one's: links in a folder of its own, so that nothing the
 * other does to its packages reaches ours.
 */
export async function linkPackages(folder: string): Promise<void> {
  const packages = join(folder, "node_modules");
  await mkdir(join(packages, "@hivematrix"), { recursive: true });
  for (const name of await readdir(join(root, "node_modules"))) {
    if (name === "@hivematrix" || name.startsWith(".")) continue;
    await symlink(join(root, "node_modules", name), join(packages, name));
  }
  await symlink(join("..", "..", "lib"), join(packages, "@hivematrix", "lib"));
  // By this file npm says when it installed last (install_packages.sh).
  await writeFile(join(packages, ".package-lock.json"), "{}");
}

/** Ports of its own for each installation, and somebody else's PostgreSQL that nobody asks. */
async function configWithoutDatabases() {
  const portOffset = await findFreeOffset();
  const nexus = { port: 8000 + portOffset, tls: false };
  const config = structuredClone(makeConfig({ portOffset, nexus })) as unknown as {
    apps: Record<string, Record<string, unknown>>;
    databases: { postgresql: { mode: string } };
  };
  config.databases.postgresql.mode = "external";
  for (const app of Object.values(config.apps)) delete app["database"];
  return config;
}

async function runScript(
  script: string,
  words: readonly string[],
  { input = "", env = {} }: RunOptions,
): Promise<CommandResult> {
  return await new Promise((resolve) => {
    const options = { cwd: dirname(script), env: { ...process.env, ...env } };
    const child = execFile(script, words, options, (error, stdout, stderr) => {
      const status = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
      resolve({ status, stdout, stderr });
    });
    child.stdin?.end(input);
  });
}
