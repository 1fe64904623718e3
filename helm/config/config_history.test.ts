import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { makeCheckout, makeConfig, modeOf } from "../testing.ts";
import { listSnapshots, listStates, prepareSnapshot, type Snapshot } from "./config_history.ts";
import { describeHistory, undoChanges } from "./config_undo.ts";
import { setValue } from "./config_values.ts";
import { loadMasterConfig, type MasterConfig, saveMasterConfig } from "./master_config.ts";

const base = makeConfig();
const withLevel = (level: string) => setValue(base, "system.log_level", level) as MasterConfig;

test("each change leaves its state with who made it, when, and how, for Helm's owner alone", async (t) => {
  const checkout = await makeCheckout(t);
  await saveMasterConfig(checkout, base, { command: "helm init" });
  const reason = { command: "helm config set system.log_level", user: "ada" };
  await saveMasterConfig(checkout, withLevel("DEBUG"), reason);
  const states = await listStates(checkout, withLevel("DEBUG"));
  const [, second] = describeHistory(states);
  assert.deepEqual([second?.id, second?.user, second?.command], [2, "ada", reason.command]);
  assert.ok(Math.abs(Date.parse(second?.time ?? "") - Date.now()) < 60_000);
  const change = { key: "system.log_level", from: "INFO", to: "DEBUG" };
  assert.deepEqual(second?.changes, [change]);
  const folder = historyOf(checkout);
  assert.equal(await modeOf(folder), "700");
  for (const file of await readdir(folder)) assert.equal(await modeOf(join(folder, file)), "600");
});

test("saving what is there already is no change", async (t) => {
  const checkout = await makeCheckout(t);
  await saveMasterConfig(checkout, base);
  await saveMasterConfig(checkout, structuredClone(base));
  assert.equal((await listSnapshots(checkout)).length, 1);
});

test("an undo can be undone, and several changes at once or back to one by its id", async (t) => {
  const checkout = await makeCheckout(t);
  const level = async () => (await loadMasterConfig(checkout)).system.log_level;
  for (const each of ["INFO", "DEBUG", "WARN"]) await saveMasterConfig(checkout, withLevel(each));
  await undoChanges(checkout, "1");
  assert.equal(await level(), "DEBUG");
  await undoChanges(checkout, "1");
  assert.equal(await level(), "WARN");
  await undoChanges(checkout, "4");
  assert.equal(await level(), "INFO");
  const { changes, snapshot } = await undoChanges(checkout, "c3");
  assert.equal(await level(), "WARN");
  assert.equal(snapshot.id, 3);
  assert.deepEqual(changes, [{ key: "system.log_level", from: "INFO", to: "WARN" }]);
});

test("a master configuration edited by hand is a state that can be gone back from and to", async (t) => {
  const checkout = await makeCheckout(t);
  await saveMasterConfig(checkout, base, { command: "helm init" });
  await writeFile(checkout.masterConfigFile, JSON.stringify(withLevel("DEBUG")));
  await undoChanges(checkout, "1");
  assert.deepEqual(await loadMasterConfig(checkout), base);
  const commands = (await listSnapshots(checkout)).map(({ command }) => command);
  assert.deepEqual(commands, ["helm init", "edited by hand", "helm config undo"]);
  await undoChanges(checkout, "1");
  assert.equal((await loadMasterConfig(checkout)).system.log_level, "DEBUG");
});

test("a writer that is killed right after its change is in the history all the same", async (t) => {
  const checkout = await makeCheckout(t);
  await saveMasterConfig(checkout, base, { command: "helm init" });
  const reason = { command: "helm config set system.log_level", user: "ada" };
  const next = withLevel("DEBUG");
  await prepareSnapshot(checkout, { current: base, next, reason });
  await writeFile(checkout.masterConfigFile, JSON.stringify(next));
  const saysSo = (states: readonly Snapshot[]) =>
    assert.deepEqual(
      [states[1]?.id, states[1]?.user, states[1]?.command],
      [2, "ada", reason.command],
    );
  saysSo(await listStates(checkout, next));
  await saveMasterConfig(checkout, withLevel("WARN"));
  const kept = await listSnapshots(checkout);
  saysSo(kept);
  assert.equal(kept.length, 3);
});

test("an installation from before there was a history keeps the state that it had", async (t) => {
  const checkout = await makeCheckout(t);
  await mkdir(join(checkout.masterConfigFile, ".."), { recursive: true });
  await writeFile(checkout.masterConfigFile, JSON.stringify(base));
  await saveMasterConfig(checkout, withLevel("DEBUG"));
  await undoChanges(checkout, "1");
  assert.deepEqual(await loadMasterConfig(checkout), base);
});

test("an undo over an app's coming or going is refused with the command that does it", async (t) => {
  const checkout = await makeCheckout(t);
  await saveMasterConfig(checkout, base, { command: "helm init" });
  const rota = { port: 25_050, service_secret: "the-secret-of-the-rota-app" };
  await saveMasterConfig(checkout, setValue(base, "apps.rota", rota));
  const undo = () => undoChanges(checkout, "1");
  const apps = async () => Object.keys((await loadMasterConfig(checkout)).apps);
  await mkdir(checkout.appFolder("rota"), { recursive: true });
  await assert.rejects(undo(), {
    message:
      'Cannot go back to c1: rota has been installed since, which settings alone cannot undo; "helm uninstall rota" does, and "helm config set" changes single settings',
  });
  assert.ok((await apps()).includes("rota"));
  await saveMasterConfig(checkout, base);
  await rm(checkout.appFolder("rota"), { recursive: true });
  await assert.rejects(undo(), /back to c2: rota has been uninstalled since.*"helm install rota"/);
  assert.ok(!(await apps()).includes("rota"));
});

test("settings that are all there is of an app come and go with an undo", async (t) => {
  const checkout = await makeCheckout(t);
  await saveMasterConfig(checkout, base, { command: "helm init" });
  const rota = { port: 25_050, service_secret: "the-secret-of-the-rota-app" };
  await saveMasterConfig(checkout, setValue(base, "apps.rota", rota));
  await undoChanges(checkout, "1");
  assert.deepEqual(await loadMasterConfig(checkout), base);
  await mkdir(checkout.appFolder("rota"), { recursive: true });
  await undoChanges(checkout, "1");
  assert.deepEqual((await loadMasterConfig(checkout)).apps["rota"], rota);
});

test("a state that breaks a rule by now is refused with the key and the reason", async (t) => {
  const checkout = await makeCheckout(t);
  await saveMasterConfig(checkout, base);
  await saveMasterConfig(checkout, withLevel("DEBUG"));
  const file = join(historyOf(checkout), "000001.json");
  const text = await readFile(file, "utf8");
  await writeFile(file, text.replace('"log_level": "INFO"', '"log_level": "LOUD"'));
  const message =
    'Cannot go back to c1, which cannot be used any more: system.log_level is "LOUD", it has to be "DEBUG" or "INFO" or "WARN" or "ERROR"';
  await assert.rejects(undoChanges(checkout, "1"), { message });
  assert.deepEqual(await loadMasterConfig(checkout), withLevel("DEBUG"));
  assert.equal((await listSnapshots(checkout)).length, 2);
});

test("what is no state is refused, naming what there is", async (t) => {
  const checkout = await makeCheckout(t);
  await saveMasterConfig(checkout, base);
  for (const [back, message] of [
    ["1", /no such state, the oldest that is kept is c1, 0 changes ago/],
    ["c7", /Cannot go back to c7: there is no such state/],
    ["two", /Cannot go back by "two": give a number of changes, or an id like c12/],
    ["c1", /the settings are as they were then/],
  ] as const) {
    await assert.rejects(undoChanges(checkout, back), { message });
  }
});

test("the newest fifty states are kept, and a damaged one costs only itself", async (t) => {
  const checkout = await makeCheckout(t);
  for (let port = 1; port <= 53; port++) {
    await saveMasterConfig(checkout, setValue(base, "apps.template.port", 26_000 + port));
  }
  const folder = historyOf(checkout);
  assert.equal((await readdir(folder)).length, 50);
  await writeFile(join(folder, "000052.json"), "{");
  const ids = (await listSnapshots(checkout)).map(({ id }) => id);
  assert.deepEqual([ids.length, ids[0], ids.at(-1)], [49, 4, 53]);
});

test("what a killed process left half written is gone with a later change", async (t) => {
  const checkout = await makeCheckout(t);
  await saveMasterConfig(checkout, base);
  const folder = historyOf(checkout);
  const [old, fresh] = [join(folder, ".0123456789ab"), join(folder, ".ba9876543210")];
  const half = `${join(folder, "..", ".master_config.json")}.0123456789ab`;
  for (const file of [old, half, fresh]) await writeFile(file, "{");
  const anHourAgo = Date.now() / 1000 - 3600;
  for (const file of [old, half]) await utimes(file, anHourAgo, anHourAgo);
  await saveMasterConfig(checkout, withLevel("DEBUG"));
  const left = (await readdir(join(folder, ".."), { recursive: true })).sort();
  assert.deepEqual(left, [
    "history",
    "history/.ba9876543210",
    "history/000001.json",
    "history/000002.json",
    "master_config.json",
  ]);
});

test("what cannot be kept in the history is not changed either, and the error names the file", async (t) => {
  const checkout = await makeCheckout(t);
  await saveMasterConfig(checkout, base);
  // A folder that is none refuses every user, root included.
  await rm(historyOf(checkout), { recursive: true });
  await writeFile(historyOf(checkout), "");
  const message = /^Cannot write .*helm\/instance\/configs\/history\/\S+: /;
  await assert.rejects(saveMasterConfig(checkout, withLevel("DEBUG")), { message });
  assert.deepEqual(await loadMasterConfig(checkout), base);
});

function historyOf({ masterConfigFile }: { masterConfigFile: string }): string {
  return join(masterConfigFile, "..", "history");
}
