// What `helm up` and `helm restart keycloak` do with settings that have changed meanwhile.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { createTestLog } from "@hivematrix/lib/testing";
import { setValue } from "../config/config_values.ts";
import { type MasterConfig, saveMasterConfig } from "../config/master_config.ts";
import { answering, service } from "../services/testing.ts";
import { afterTest, makeCheckout, makeConfig, registry } from "../testing.ts";
import { Platform } from "./platform.ts";

/** A platform of stand-ins: keycloak and core are told the provider's mode, template is not. */
async function startPlatform(t: TestContext) {
  const checkout = await makeCheckout(t);
  const config = makeConfig();
  await saveMasterConfig(checkout, config);
  const names = ["keycloak", "core", "template"];
  const standIns = await Promise.all(names.map((name) => service(name, answering)));
  const definitions = async ({ keycloak }: MasterConfig) =>
    standIns.map((each) => {
      const told = each.name === "template" ? {} : { MODE: keycloak.mode };
      return { ...each, env: { ...each.env, ...told } };
    });
  const log = createTestLog("helm");
  const platform = new Platform(config, { checkout, registry, log, definitions });
  afterTest(t, () => platform.close({ keepServices: false }));
  await platform.start({ isDev: false });
  await platform.waitUntilReady();
  const readPids = async () => {
    const { services } = await platform.status();
    return names.map((name) => services.find((each) => each.name === name)?.pid);
  };
  return { checkout, config, platform, readPids };
}

for (const [command, act] of [
  ["helm up", (platform: Platform) => platform.start({ isDev: false })],
  ["helm restart keycloak", (platform: Platform) => platform.restart("keycloak")],
] as const) {
  test(`after another keycloak.mode, ${command} is all it takes`, async (t) => {
    const { checkout, config, platform, readPids } = await startPlatform(t);
    const before = await readPids();
    await saveMasterConfig(checkout, setValue(config, "keycloak.mode", "server"));
    await act(platform);
    await platform.waitUntilReady();
    const after = await readPids();
    const hasChanged = after.map((pid, index) => pid !== before[index]);
    assert.deepEqual(hasChanged, [true, true, false]);
    const env = await readFile(join(checkout.appFolder("core"), ".env"), "utf8");
    assert.match(env, /^KEYCLOAK_RECONCILE_SECONDS=2$/m);
  });
}

test("helm up keeps what runs with the settings that it has", async (t) => {
  const { platform, readPids } = await startPlatform(t);
  const before = await readPids();
  await platform.start({ isDev: false });
  await platform.waitUntilReady();
  assert.deepEqual(await readPids(), before);
});
