// For tests: a daemon in this process, with a small Core beside it and services that are real
// processes.
import { randomInt } from "node:crypto";
import type { TestContext } from "node:test";
import { createTestLog, startTestCore, type TestCore } from "@hivematrix/lib/testing";
import { saveMasterConfig } from "../config/master_config.ts";
import { nextFreePort } from "../config/port_probe.ts";
import { httpHealth } from "../services/health_check.ts";
import type { ServiceDefinition } from "../services/service_definition.ts";
import { afterTest, makeCheckout, makeConfig, registry } from "../testing.ts";
import { type Daemon, startDaemon } from "./daemon.ts";
import { readLiveDaemon } from "./daemon_file.ts";

export interface TestDaemon extends Daemon {
  readonly core: TestCore;
  readonly definitions: () => Promise<readonly ServiceDefinition[]>;
  readonly log: ReturnType<typeof createTestLog>;
  /** Of Helm's own port. */
  readonly url: string;
  readonly controlToken: string;
  /** A request to Helm's port; redirects are not followed. */
  ask(path: string, init?: RequestInit): Promise<Response>;
  /** The same as an administrator behind Nexus. */
  askAsAdmin(path: string, init?: RequestInit): Promise<Response>;
}

let firstPort = randomInt(28_000, 32_000);

/** Starts a daemon with two services, "alpha" and "beta", which needs alpha; gone when the test ends. */
export async function startTestDaemon(t: TestContext): Promise<TestDaemon> {
  const core = await startTestCore(t);
  const checkout = await makeCheckout(t);
  const helmPort = await takePort();
  const config = structuredClone(makeConfig()) as {
    -readonly [K in "apps"]: Record<string, { port: number }>;
  };
  (config.apps["core"] ?? { port: 0 }).port = Number(new URL(core.url).port);
  (config.apps["helm"] ?? { port: 0 }).port = helmPort;
  await saveMasterConfig(checkout, config);
  const alpha = await standIn("alpha", checkout.root, []);
  const beta = await standIn("beta", checkout.root, ["alpha"]);
  const log = createTestLog("helm");
  const definitions = async () => [alpha, beta];
  const daemon = await startDaemon({ checkout, registry, log, definitions, isDev: false });
  afterTest(t, () => daemon.close({ keepServices: false }));

  const url = `http://127.0.0.1:${helmPort}`;
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(url + path, { redirect: "manual", ...init });
  return {
    ...daemon,
    core,
    definitions,
    log,
    url,
    controlToken: (await readLiveDaemon(checkout))?.token ?? "",
    ask,
    async askAsAdmin(path, init = {}) {
      const headers = new Headers(init.headers);
      headers.set("authorization", `Bearer ${await core.userToken({ permission_level: "admin" })}`);
      headers.set("x-forwarded-prefix", "/helm");
      return await ask(path, { ...init, headers });
    },
  };
}

async function standIn(
  name: string,
  folder: string,
  dependencies: readonly string[],
): Promise<ServiceDefinition> {
  const port = await takePort();
  const script = `
    console.log("I am ${name} <b>");
    require("node:http").createServer((_, res) => res.end("ok")).listen(${port}, "127.0.0.1");`;
  return {
    name,
    folder,
    command: [process.execPath, "-e", script],
    env: {},
    dependencies,
    port,
    isReady: httpHealth(`http://127.0.0.1:${port}/health`),
  };
}

async function takePort(): Promise<number> {
  const port = await nextFreePort(firstPort);
  firstPort = port + 1;
  return port;
}
