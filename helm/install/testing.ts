// For tests of operations on apps: an installation with its own small apps, a real PostgreSQL and
// real processes, and a Helm that can be killed at any step.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import type { Sql } from "@hivematrix/lib/database";
import { createTestLog, startTestPostgres } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { linkPackages } from "../commands/testing.ts";
import { createAppDatabases } from "../config/app_databases.ts";
import type { Checkout } from "../config/checkout.ts";
import { createConfigSource } from "../config/config_source.ts";
import { type MasterConfig, saveMasterConfig } from "../config/master_config.ts";
import { serviceDefinitions } from "../config/service_definitions.ts";
import { createAppServices } from "../control/app_services.ts";
import { Platform } from "../control/platform.ts";
import { readRunFile } from "../services/run_file.ts";
import { afterTest, findFreeOffset, makeCheckout, makeConfig } from "../testing.ts";
import { type AppRegistry, readAppRegistry } from "./app_registry.ts";
import { InstallManager, type OperationRequest } from "./install_manager.ts";
import { listJournals } from "./journal.ts";
import type { Operation } from "./operation.ts";
import { findMarked, operationMark } from "./operation_mark.ts";
import { ownRegistryFile } from "./own_registry.ts";

/** Answers everything with its version, as soon as it has what Helm gives it. */
export const answering = (version: string) => `import { createServer } from "node:http";
createServer((_, response) => response.end("${version}")).listen(
  Number(process.env.PORT), "127.0.0.1", () => console.log("listening"));
process.on("SIGTERM", () => process.exit(0));
`;

export interface TestRepository {
  readonly folder: string;
  /** A name that no other test uses: the PostgreSQL is everybody's. */
  readonly name: string;
  /** Commits files (with `undefined`, removes one). @returns the commit */
  commit(files: Readonly<Record<string, string | undefined>>): Promise<string>;
  git(...words: string[]): string;
}

/** A repository with an app in it, beside the checkout; gone when the test ends. */
export async function makeRepository(
  t: TestContext,
  files: Readonly<Record<string, string>> = {},
): Promise<TestRepository> {
  const parent = await mkdtemp(join(tmpdir(), "helm-app-"));
  afterTest(t, () => rm(parent, { recursive: true, force: true, maxRetries: 20 }));
  const name = `app_${randomBytes(4).toString("hex")}`;
  const folder = join(parent, name);
  await mkdir(folder);
  const identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"];
  const git = (...words: string[]) =>
    execFileSync("git", [...identity, ...words], { cwd: folder, encoding: "utf8" }).trim();
  git("init", "--quiet", "--initial-branch=main");
  const repository: TestRepository = {
    folder,
    name,
    git,
    async commit(changes) {
      for (const [path, text] of Object.entries(changes)) {
        const file = join(folder, path);
        if (text === undefined) {
          await rm(file);
          continue;
        }
        await mkdir(dirname(file), { recursive: true });
        await writeFile(file, text);
        if (text.startsWith("#!")) await chmod(file, 0o755);
      }
      git("add", "--all");
      git("commit", "--quiet", "--message", "change");
      return git("rev-parse", "HEAD");
    },
  };
  await repository.commit({
    "main.ts": answering("one"),
    ".gitignore": "instance/\n.env\nservices.json\nbuilt\n",
    "install.sh": "#!/bin/sh\nset -e\nmkdir -p instance\necho built here > built\necho prepared\n",
    ...files,
  });
  return repository;
}

/** Everything that an app can leave somewhere. */
export interface AppTraces {
  readonly folder: boolean;
  readonly temporary: boolean;
  readonly kept: boolean;
  readonly config: boolean;
  readonly services: boolean;
  readonly entry: boolean;
  readonly role: boolean;
  readonly database: boolean;
  readonly journal: boolean;
  readonly process: boolean;
  /** Of its install script or of git. */
  readonly children: boolean;
}

export const nothing: AppTraces = {
  folder: false,
  temporary: false,
  kept: false,
  config: false,
  services: false,
  entry: false,
  role: false,
  database: false,
  journal: false,
  process: false,
  children: false,
};

export const installed: AppTraces = {
  ...nothing,
  folder: true,
  config: true,
  services: true,
  entry: true,
  role: true,
  database: true,
  process: true,
};

export interface InstallTest {
  readonly checkout: Checkout;
  readonly registry: AppRegistry;
  readonly manager: InstallManager;
  readonly platform: Platform;
  readonly config: () => MasterConfig;
  /** Carries out an operation to its end. */
  run(request: OperationRequest): Promise<Operation>;
  /** The same, but Helm dies when that step is in the journal; then the next Helm starts. */
  runUntilKilledAt(request: OperationRequest, step: string): Promise<void>;
  /** Helm dies (its services run on), and the next one starts. */
  replaceHelm(): Promise<void>;
  tracesOf(app: string): Promise<AppTraces>;
  /** What the running app answers. */
  ask(app: string): Promise<string>;
}

/** An installation whose services are its apps alone: no Core, no Nexus. */
export async function startInstallTest(
  t: TestContext,
  { readyLimitMs = 20_000, tracked }: { readyLimitMs?: number; tracked?: object } = {},
): Promise<InstallTest> {
  const { url, sql } = await startTestPostgres({ after: (end) => afterTest(t, end) });
  const checkout = await makeCheckout(t);
  await linkPackages(checkout.root);
  await saveMasterConfig(checkout, await configOn(new URL(url)));
  const registryFile = join(checkout.helmFolder, "apps_registry.json");
  const known = JSON.parse(readFileSync(join(import.meta.dirname, "apps_registry.json"), "utf8"));
  await writeFile(registryFile, JSON.stringify({ ...known, default_apps: tracked ?? {} }));
  const registry = readAppRegistry(registryFile, ownRegistryFile(checkout));
  const config = () => JSON.parse(readFileSync(checkout.masterConfigFile, "utf8")) as MasterConfig;

  let stopAt: string | undefined;
  let reached = () => {};
  const startHelm = async () => {
    const log = createTestLog("helm");
    const databases = createAppDatabases(createConfigSource(checkout));
    const definitions = async (current: MasterConfig) => {
      const apps = Object.entries(current.apps).filter(([id]) => !(id in known.core_apps));
      const own = { ...current, apps: Object.fromEntries(apps) };
      return await serviceDefinitions(own, { checkout, registry, databases });
    };
    const platform = new Platform(config(), { checkout, registry, log, definitions });
    const manager = new InstallManager({
      checkout,
      registry,
      log,
      services: createAppServices(platform, readyLimitMs),
      untilPostgres: async () => {},
      onStep: async (step) => {
        if (step !== stopAt) return;
        reached();
        await new Promise(() => {}); // A killed process does nothing more.
      },
    });
    await manager.recoverFiles();
    await platform.start({ isDev: false });
    await manager.recoverDatabases();
    return { platform, manager };
  };
  let helm = await startHelm();
  afterTest(t, () => helm.platform.close({ keepServices: false }));

  const replaceHelm = async () => {
    await helm.platform.close({ keepServices: true });
    stopAt = undefined;
    helm = await startHelm();
  };
  return {
    checkout,
    registry,
    config,
    get manager() {
      return helm.manager;
    },
    get platform() {
      return helm.platform;
    },
    replaceHelm,
    async run(request) {
      const operation = await helm.manager.begin(request, "a test");
      await waitFor(() => operation.isOver, { timeoutMs: 60_000, what: `${request.kind} to end` });
      return operation;
    },
    async runUntilKilledAt(request, step) {
      let isDead = false;
      reached = () => {
        isDead = true;
      };
      stopAt = step;
      const operation = await helm.manager.begin(request, "a test");
      await waitFor(() => isDead || operation.isOver, { timeoutMs: 60_000, what: `"${step}"` });
      if (!isDead) {
        throw new Error(`It never came to "${step}": ${operation.linesFrom(0).lines.join("\n")}`);
      }
      await replaceHelm();
    },
    tracesOf: (app) => readTraces({ checkout, registry, sql }, app),
    async ask(app) {
      const response = await fetch(`http://127.0.0.1:${config().apps[app]?.port}/`);
      return await response.text();
    },
  };
}

/** Looks everywhere. */
export async function readTraces(
  { checkout, registry, sql }: { checkout: Checkout; registry: AppRegistry; sql: Sql },
  app: string,
): Promise<AppTraces> {
  const apps = join(checkout.root, "apps");
  const there = (...names: string[]) => existsSync(join(apps, ...names));
  const services = JSON.parse(readFileSync(checkout.servicesFile, "utf8"));
  const config = JSON.parse(readFileSync(checkout.masterConfigFile, "utf8"));
  const [found] = await sql`
    select exists (select from pg_roles where rolname = ${`${app}_user`}) as role,
      exists (select from pg_database where datname = ${`${app}_db`}) as database`;
  return {
    folder: there(app),
    temporary: there(".preparing", app) || there(".replaced", app),
    kept: there(".kept", app),
    config: app in config.apps,
    services: app in services,
    entry: registry.find(app) !== undefined,
    role: found?.["role"],
    database: found?.["database"],
    journal: (await listJournals(checkout)).some((journal) => journal.app === app),
    process: (await readRunFile(checkout.runDir, app)) !== undefined,
    children: (await findMarked(operationMark(checkout, app))).length > 0,
  };
}

/** Where the test run's PostgreSQL is, as the master configuration has it. */
export function externalPostgres(url: URL): MasterConfig["databases"]["postgresql"] {
  return {
    mode: "external",
    host: url.hostname,
    port: Number(url.port),
    admin_user: "postgres",
    admin_password: "nobody asks for it",
  };
}

/** Ports of its own, and the test run's PostgreSQL. */
async function configOn(url: URL): Promise<MasterConfig> {
  const portOffset = await findFreeOffset();
  const nexus = { port: 8000 + portOffset, tls: false };
  const config = makeConfig({ portOffset, nexus });
  const { template: _, ...apps } = config.apps;
  return { ...config, apps, databases: { postgresql: externalPostgres(url) } };
}
