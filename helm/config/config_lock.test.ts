import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import test from "node:test";
import { readProcess } from "../services/process_table.ts";
import { afterTest, makeCheckout, makeConfig } from "../testing.ts";
import type { Checkout } from "./checkout.ts";
import { findChanges } from "./config_changes.ts";
import { listSnapshots } from "./config_history.ts";
import { withConfigLock } from "./config_lock.ts";
import { setValue } from "./config_values.ts";
import { loadMasterConfig, saveMasterConfig } from "./master_config.ts";

const repository = join(import.meta.dirname, "..", "..");
const lockOf = ({ masterConfigFile }: Checkout) => join(dirname(masterConfigFile), "lock");

test("what several processes change at once is all there, in the history and in the apps' files too", async (t) => {
  const checkout = await makeCheckout(t);
  await saveMasterConfig(checkout, makeConfig());
  const [writers, changes] = [4, 2];
  const program = `
    import { existsSync } from "node:fs";
    import { changeSettings } from "./helm/config/change_settings.ts";
    import { createCheckout } from "./helm/config/checkout.ts";
    import { syncSaved } from "./helm/config/config_manager.ts";
    import { setValue } from "./helm/config/config_values.ts";
    import { readAppRegistry } from "./helm/install/app_registry.ts";
    import { waitFor } from "./lib/wait_for.ts";
    const [root, writer] = process.argv.slice(1);
    const checkout = createCheckout(root);
    console.log("here");
    await waitFor(() => existsSync(root + "/start"), { timeoutMs: 60_000 });
    for (let index = 0; index < ${changes}; index++) {
      const key = "apps.template.sections.w" + writer + ".k" + index;
      await changeSettings(checkout, (now) => setValue(now, key, "here"), { command: key });
    }
    await syncSaved(checkout, readAppRegistry());`;
  const children = Array.from({ length: writers }, (_, writer) =>
    run(program, [checkout.root, String(writer)]),
  );
  afterTest(t, () => {
    for (const child of children) child.kill("SIGKILL");
  });
  const ends = children.map((child) => once(child, "exit"));
  await Promise.all(children.map((child) => once(child.stdout, "data")));
  await writeFile(join(checkout.root, "start"), "");
  for (const [status] of await Promise.all(ends)) assert.equal(status, 0);

  const sections = (await loadMasterConfig(checkout)).apps["template"]?.sections;
  const each = { k0: "here", k1: "here" };
  const wanted = Object.fromEntries(Array.from({ length: writers }, (_, at) => [`w${at}`, each]));
  assert.deepEqual(Object.fromEntries(Object.entries(sections ?? {}).sort()), wanted);
  const states = await listSnapshots(checkout);
  assert.equal(states.length, 1 + writers * changes);
  for (const [at, { config, command }] of states.entries()) {
    if (at === 0) continue;
    const keys = findChanges(states[at - 1]?.config, config).map(({ key }) => key);
    assert.deepEqual(keys, [command]);
  }
  const conf = await readFile(
    join(checkout.appFolder("template"), "instance/template.conf"),
    "utf8",
  );
  assert.equal(conf.match(/= here$/gm)?.length, writers * changes);
});

test("a writer that was killed in the middle is in nobody's way", async (t) => {
  const checkout = await makeCheckout(t);
  const program = `
    import { createCheckout } from "./helm/config/checkout.ts";
    import { withConfigLock } from "./helm/config/config_lock.ts";
    await withConfigLock(createCheckout(process.argv[1]), "dying", () => {
      console.log("here");
      return new Promise(() => setInterval(() => {}, 1000));
    });`;
  const child = run(program, [checkout.root]);
  afterTest(t, () => child.kill("SIGKILL"));
  await once(child.stdout, "data");
  await assert.rejects(
    withConfigLock(checkout, "waiting", async () => {}, 50),
    {
      message: `Cannot write the settings (waiting): process ${child.pid} does (dying) and does not come to an end, waited 0.05 s for it; see what it waits for, or end it (helm/instance/configs/lock is then free)`,
    },
  );
  child.kill("SIGKILL");
  await once(child, "exit");
  assert.equal(await withConfigLock(checkout, "next", async () => "done", 0), "done");
  assert.deepEqual(await readdir(dirname(lockOf(checkout))), []);
});

test("of many who find a dead owner's lock, one at a time gets it; also when another has its pid now", async (t) => {
  const checkout = await makeCheckout(t);
  const { startTime = "" } = (await readProcess(process.pid)) ?? {};
  let [inside, most, done] = [0, 0, 0];
  for (const owner of [
    JSON.stringify({ pid: 2 ** 22 + 1, startTime, action: "gone" }),
    JSON.stringify({ pid: process.pid, startTime: `${startTime}0`, action: "recycled" }),
    "",
  ]) {
    await mkdir(lockOf(checkout), { recursive: true });
    await writeFile(join(lockOf(checkout), "dead"), owner);
    const act = async () => {
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setImmediate(resolve));
      inside--;
      done++;
    };
    await Promise.all(Array.from({ length: 20 }, () => withConfigLock(checkout, "many", act)));
  }
  assert.deepEqual([most, done], [1, 60]);
});

test("whoever fails gives the lock back", async (t) => {
  const checkout = await makeCheckout(t);
  const failing = withConfigLock(checkout, "failing", () => Promise.reject(new Error("no luck")));
  await assert.rejects(failing, /no luck/);
  await withConfigLock(checkout, "next", async () => {}, 0);
  const config = setValue(makeConfig(), "apps.core.port", "banana");
  await assert.rejects(saveMasterConfig(checkout, config), /apps\.core\.port is "banana"/);
  await withConfigLock(checkout, "next", async () => {}, 0);
});

function run(program: string, words: readonly string[]) {
  const all = ["--import", "tsx", "--input-type=module", "-e", program, ...words];
  return spawn(process.execPath, all, { cwd: repository, stdio: ["ignore", "pipe", "inherit"] });
}
