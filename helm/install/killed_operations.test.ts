// Helm killed at each step of an operation: the next one finishes it or undoes it, whole.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { answering, installed, makeRepository, nothing, startInstallTest } from "./testing.ts";

const installSteps = [
  "fetching the code",
  "running install.sh",
  "putting it in place",
  "writing its configuration",
  "starting it",
];

test("an installation killed at any step leaves nothing, and can be made again", async (t) => {
  const repository = await makeRepository(t);
  const { name, folder } = repository;
  const helm = await startInstallTest(t);
  for (const step of installSteps) {
    await helm.runUntilKilledAt({ kind: "install", target: folder }, step);
    assert.deepEqual([step, await helm.tracesOf(name)], [step, nothing]);
  }
  await helm.runUntilKilledAt({ kind: "install", target: folder }, "cleaning up");
  await helm.platform.waitUntilReady();
  assert.deepEqual(await helm.tracesOf(name), installed);
  assert.equal(await helm.ask(name), "one");
});

test("an update killed at any step leaves the former version or the new one, with its data", async (t) => {
  const repository = await makeRepository(t);
  const { name, folder } = repository;
  const helm = await startInstallTest(t);
  await helm.run({ kind: "install", target: folder });
  const data = join(helm.checkout.appFolder(name), "instance", "data.txt");
  await writeFile(data, "precious");
  await repository.commit({ "main.ts": answering("two") });
  const steps = [
    ...installSteps.slice(0, 2),
    "stopping the former version",
    "putting it in place",
    "starting it",
  ];
  for (const step of steps) {
    await helm.runUntilKilledAt({ kind: "update", app: name }, step);
    await helm.platform.waitUntilReady();
    assert.deepEqual([step, await helm.tracesOf(name)], [step, installed]);
    assert.deepEqual([step, await helm.ask(name)], [step, "one"]);
    assert.equal(await readFile(data, "utf8"), "precious");
  }
  await helm.runUntilKilledAt({ kind: "update", app: name }, "cleaning up");
  await helm.platform.waitUntilReady();
  assert.deepEqual(await helm.tracesOf(name), installed);
  assert.equal(await helm.ask(name), "two");
  assert.equal(await readFile(data, "utf8"), "precious");
});

test("a removal killed at any step is finished, and its data can be taken up again", async (t) => {
  const { name, folder } = await makeRepository(t);
  const helm = await startInstallTest(t);
  for (const step of ["stopping it", "removing it"]) {
    await helm.run({ kind: "install", target: folder });
    const data = join(helm.checkout.appFolder(name), "instance", "data.txt");
    await writeFile(data, step);
    await helm.runUntilKilledAt({ kind: "uninstall", app: name }, step);
    const kept = { ...nothing, kept: true, entry: true, role: true, database: true };
    assert.deepEqual([step, await helm.tracesOf(name)], [step, kept]);
    await helm.run({ kind: "install", target: name });
    assert.equal(await readFile(data, "utf8"), step);
    assert.deepEqual([step, await helm.tracesOf(name)], [step, installed]);
    await helm.runUntilKilledAt({ kind: "uninstall", app: name, deletesData: true }, step);
    assert.deepEqual([step, await helm.tracesOf(name)], [step, nothing]);
  }
});
