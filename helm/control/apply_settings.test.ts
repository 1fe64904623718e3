import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { createTestLog } from "@hivematrix/lib/testing";
import type { Checkout } from "../config/checkout.ts";
import { planSync } from "../config/config_plan.ts";
import { undoChanges } from "../config/config_undo.ts";
import { setValue } from "../config/config_values.ts";
import { loadMasterConfig, type MasterConfig, saveMasterConfig } from "../config/master_config.ts";
import { nextFreePort } from "../config/port_probe.ts";
import { serviceDefinitions } from "../config/service_definitions.ts";
import { httpHealth } from "../services/health_check.ts";
import type { ServiceDefinition } from "../services/service_definition.ts";
import { afterTest, findFreeOffset, makeCheckout, makeConfig, registry } from "../testing.ts";
import { Platform } from "./platform.ts";

const standIn = `
  require("node:http").createServer((_, res) => res.end("ok"))
    .listen(Number(process.env.PORT), "127.0.0.1");`;

test("exactly the services whose files changed are started anew, as the plan has said", async (t) => {
  const { checkout, platform, pids } = await startPlatform(t);
  const changeAndApply = async (key: string, value: unknown) => {
    const before = await pids();
    const changed = setValue(await loadMasterConfig(checkout), key, value) as MasterConfig;
    const { restarts } = await planSync(checkout, changed, registry);
    await saveMasterConfig(checkout, changed);
    const restarted = await platform.applySettings();
    await platform.waitUntilReady(["core", "nexus", "template"]);
    const after = await pids();
    const others = [...after].filter(([name, pid]) => before.get(name) !== pid);
    assert.deepEqual(restarted.toSorted(), others.map(([name]) => name).toSorted(), key);
    assert.deepEqual(restarts.toSorted(), restarted.toSorted(), `planned for ${key}`);
    return restarted.toSorted();
  };
  assert.deepEqual(await changeAndApply("apps.nexus.processes", 2), ["nexus"]);
  // A value of the .conf alone.
  assert.deepEqual(await changeAndApply("apps.template.sections", { a: { b: "c" } }), ["template"]);
  // services.json is read again by whoever uses it.
  assert.deepEqual(await changeAndApply("apps.template.title", "Ours"), []);
  // Core reads the secrets of its callers again by itself; the service that has it does not.
  const secret = "another-secret-of-template";
  assert.deepEqual(await changeAndApply("apps.template.service_secret", secret), ["template"]);
  // What does not run stays as it is.
  await platform.stop("template");
  const level = setValue(await loadMasterConfig(checkout), "system.log_level", "DEBUG");
  await saveMasterConfig(checkout, level);
  assert.deepEqual((await platform.applySettings()).toSorted(), ["core", "keycloak", "nexus"]);
  assert.equal((await pids()).get("template"), undefined);
});

test("an undo is taken up like the change before it", async (t) => {
  const { checkout, config, platform } = await startPlatform(t);
  await saveMasterConfig(checkout, setValue(config, "apps.nexus.processes", 2));
  assert.deepEqual(await platform.applySettings(), ["nexus"]);
  await undoChanges(checkout, "1");
  assert.deepEqual(await platform.applySettings(), ["nexus"]);
  const env = await readFile(join(checkout.root, "nexus/.env"), "utf8");
  assert.doesNotMatch(env, /PROCESSES/);
});

test("a .conf that was edited where it is not Helm's counts at the next apply, a comment does not", async (t) => {
  const { checkout, platform } = await startPlatform(t);
  const file = join(checkout.root, "core/instance/core.conf");
  const text = await readFile(file, "utf8");
  await writeFile(file, `# mine\n${text}`);
  assert.deepEqual(await platform.applySettings(), []);
  await writeFile(file, `${text}\n[own]\na = 1\n`);
  assert.deepEqual(await platform.applySettings(), ["core"]);
});

test("what is restarted without a gap waits for what it depends on and is restarted too", async (t) => {
  // Template's preparation needs Core, as that of an app with a database needs PostgreSQL.
  const withNeed = (each: ServiceDefinition, all: readonly ServiceDefinition[]) => {
    const core = all.find(({ name }) => name === "core");
    const prepare = async () => {
      if ((await core?.isReady(AbortSignal.timeout(1000))) !== true) throw new Error("no Core");
    };
    return each.name === "template" ? { ...each, prepare } : each;
  };
  const { checkout, config, platform } = await startPlatform(t, withNeed);
  const before = (await platform.status()).services;
  await saveMasterConfig(checkout, setValue(config, "apps.core.port", await freePort()));
  const restarted = await platform.applySettings();
  assert.ok(
    ["core", "template"].every((name) => restarted.includes(name)),
    String(restarted),
  );
  await platform.waitUntilReady(["template"]);
  const pidOf = (services: typeof before) => services.find(({ name }) => name === "template")?.pid;
  assert.notEqual(pidOf((await platform.status()).services), pidOf(before));
});

/** The real definitions, with a small program in each service's place. */
async function startPlatform(
  t: TestContext,
  alter?: (each: ServiceDefinition, all: readonly ServiceDefinition[]) => ServiceDefinition,
) {
  const checkout = await makeCheckout(t);
  const portOffset = await findFreeOffset();
  const nexus = { port: 8000 + portOffset, tls: false };
  const base = makeConfig({ portOffset, nexus });
  const config = setValue(base, "databases.postgresql.mode", "external") as MasterConfig;
  await saveMasterConfig(checkout, config);
  const definitions = async (current: MasterConfig) => await standIns(checkout, current, alter);
  const log = createTestLog("helm");
  const platform = new Platform(config, { checkout, registry, log, definitions });
  afterTest(t, () => platform.close({ keepServices: false }));
  await platform.start({ isDev: false });
  await platform.waitUntilReady();
  const pids = async () => {
    const { services } = await platform.status();
    return new Map(services.map(({ name, pid }) => [name, pid]));
  };
  return { checkout, config, platform, pids };
}

async function standIns(
  checkout: Checkout,
  config: MasterConfig,
  alter?: (each: ServiceDefinition, all: readonly ServiceDefinition[]) => ServiceDefinition,
): Promise<ServiceDefinition[]> {
  const databases = { ensure: async () => {} };
  const all = await serviceDefinitions(config, { checkout, registry, databases });
  const command = [process.execPath, "-e", standIn] as const;
  if (alter === undefined) return all.map(({ onPort: _, ...each }) => ({ ...each, command }));
  const change = (each: ServiceDefinition) => alter({ ...each, command }, all);
  return all.map((each) => {
    if (each.name !== "template") return change(each);
    const onPort = (port: number) =>
      change({
        ...each,
        port,
        env: { ...each.env, PORT: `${port}` },
        isReady: httpHealth(`http://127.0.0.1:${port}/health`),
      });
    return { ...change(each), onPort };
  });
}

async function freePort(): Promise<number> {
  return await nextFreePort(28_000 + randomInt(4000));
}
