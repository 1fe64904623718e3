// Real small services for the supervisor's tests, and a manager that loses its patience quickly.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { findFreePort } from "@hivematrix/lib/postgres_testing";
import { createTestLog, type TestScope } from "@hivematrix/lib/testing";
import { afterTest } from "../testing.ts";
import { httpHealth } from "./health_check.ts";
import { pollUntil } from "./pause.ts";
import { readProcesses } from "./process_table.ts";
import type { ServiceDefinition } from "./service_definition.ts";
import { ServiceManager, type ServiceManagerOptions } from "./service_manager.ts";
import type { ServiceState } from "./service_status.ts";

/** A thousandth of the real patience would be shorter than a process takes to start. */
export const quickTimes = {
  firstStartPollMs: 5,
  longestStartPollMs: 20,
  startLimitMs: 10_000,
  healthIntervalMs: 30,
  stopGraceMs: 2000,
  restartDelaysMs: [10, 20, 40],
  adoptedPollMs: 20,
} as const;

export async function makeFolder(scope: TestScope): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "hivematrix-services-"));
  afterTest(scope, () => rm(folder, { recursive: true, force: true, maxRetries: 20 }));
  return folder;
}

/** A manager over the given services; everything is stopped and gone when the test ends. */
export async function createManager(
  scope: TestScope,
  services: readonly ServiceDefinition[],
  options: Partial<ServiceManagerOptions> & { folder?: string } = {},
) {
  const folder = options.folder ?? (await makeFolder(scope));
  const log = createTestLog("helm");
  const paths = { runDir: path.join(folder, "run"), logDir: path.join(folder, "logs") };
  const manager = new ServiceManager({
    definitions: async () => services,
    ...paths,
    log,
    ...options,
    times: { ...quickTimes, ...options.times },
  });
  // Before its folder goes: a service that is being restarted would write into it.
  afterTest(scope, async () => {
    await manager.stopAll();
    manager.close();
  });
  const readLog = (name: string) => readFile(path.join(paths.logDir, `${name}.log`), "utf8");
  return { manager, ...paths, log, readLog };
}

/** A service that runs a piece of JavaScript with `PORT` set, and is ready when that port answers. */
export async function service(
  name: string,
  program: string,
  overrides: Partial<ServiceDefinition> = {},
): Promise<ServiceDefinition> {
  const port = overrides.port ?? (await findFreePort());
  return {
    name,
    folder: os.tmpdir(),
    // The mark is for whoever has to count the processes of this service.
    command: [process.execPath, "-e", program, markOf(name, port)],
    env: { PORT: String(port) },
    dependencies: [],
    port,
    isReady: httpHealth(`http://127.0.0.1:${port}/health`),
    ...overrides,
  };
}

/** A service as it can be told to another process. */
export interface GivenService extends Omit<ServiceDefinition, "isReady" | "onPort"> {
  /** Of one that may run twice at a time. */
  readonly canRunTwice?: boolean;
}

/** The same service, with a health check of its own on whichever port it has. */
export function onAnyPort({ canRunTwice = false, ...given }: GivenService): ServiceDefinition {
  const onPort = (port: number): ServiceDefinition => ({
    ...given,
    port,
    env: { ...given.env, PORT: String(port) },
    isReady: httpHealth(`http://127.0.0.1:${port}/health`),
  });
  return { ...onPort(given.port ?? 0), ...(canRunTwice && { onPort }) };
}

export function markOf(name: string, port: number | undefined): string {
  return `test-service-${name}-${port}`;
}

/** Answers with its pid, after a moment, and finishes what it has begun before it ends. */
export const draining = `const server = require("http").createServer((request, response) => {
    setTimeout(() => response.end(String(process.pid)), request.url === "/health" ? 0 : 30);
  }).listen(process.env.PORT, "127.0.0.1");
  process.on("SIGTERM", () => server.close(() => process.exit(0)));`;

/** A program that answers every request. */
export const answering = `require("http").createServer((request, response) => response.end("ok"))
  .listen(process.env.PORT, "127.0.0.1");`;

export async function statusOf(manager: ServiceManager, name: string) {
  const status = (await manager.status()).find((service) => service.name === name);
  if (status === undefined) throw new Error(`No service ${name}`);
  return status;
}

/** Waits for a state; fails with what the service is in instead. */
export async function untilState(manager: ServiceManager, name: string, state: ServiceState) {
  const isThere = async () => (await statusOf(manager, name)).state === state;
  if (await pollUntil(isThere, { timeoutMs: 20_000 })) return statusOf(manager, name);
  throw new Error(`${name} is not ${state}: ${JSON.stringify(await statusOf(manager, name))}`);
}

/** Processes whose group is one of these, zombies not counted. */
export async function survivorsOf(groups: readonly (number | undefined)[]): Promise<number[]> {
  const processes = await readProcesses();
  return processes.filter(({ groupId }) => groups.includes(groupId)).map(({ pid }) => pid);
}
