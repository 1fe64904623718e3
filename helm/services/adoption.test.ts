import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import test from "node:test";
import { promisify } from "node:util";
import type { TestScope } from "@hivematrix/lib/testing";
import { pollUntil } from "./pause.ts";
import { readProcess } from "./process_table.ts";
import { writeRunFile } from "./run_file.ts";
import type { ServiceDefinition } from "./service_definition.ts";
import {
  answering,
  createManager,
  makeFolder,
  markOf,
  service,
  statusOf,
  survivorsOf,
  untilState,
} from "./testing.ts";

test("a second manager takes over what a killed one started, and doubles nothing", async (t) => {
  const folder = await makeFolder(t);
  const services = [
    await service("base", answering),
    await service("top", answering, { dependencies: ["base"] }),
  ];
  const first = await startManagerProcess(t, folder, services);
  await first.untilReady();
  await kill(first.process);

  const { manager } = await createManager(t, services, { folder });
  assert.deepEqual((await manager.adopt()).sort(), ["base", "top"]);
  await manager.startAll();
  await manager.waitUntilReady();
  const statuses = await manager.status();
  assert.deepEqual(
    statuses.map(({ pid }) => pid),
    await first.pids(),
  );
  assert.ok(statuses.every(({ startedAt }) => Date.parse(startedAt ?? "") < Date.now()));
  assert.deepEqual(await runningCopies(services), [1, 1]);
});

test("an adopted service that dies is noticed and started again", async (t) => {
  const folder = await makeFolder(t);
  const services = [await service("web", answering)];
  const first = await startManagerProcess(t, folder, services);
  await first.untilReady();
  await kill(first.process);
  const { manager } = await createManager(t, services, { folder });
  await manager.adopt();
  const { pid } = await untilState(manager, "web", "ready");
  process.kill(pid ?? 0, "SIGKILL");
  const isBack = async () => {
    const now = await statusOf(manager, "web");
    return now.state === "ready" && now.pid !== pid;
  };
  assert.ok(await pollUntil(isBack, { timeoutMs: 10_000 }));
  assert.deepEqual(await runningCopies(services), [1]);
});

test("an adopted service is stopped with all its children", async (t) => {
  const folder = await makeFolder(t);
  const withChild = `require("child_process").spawn("sleep", ["60"]); ${answering}`;
  const services = [await service("web", withChild)];
  const first = await startManagerProcess(t, folder, services);
  await first.untilReady();
  await kill(first.process);
  const { manager } = await createManager(t, services, { folder });
  await manager.adopt();
  const { pid } = await statusOf(manager, "web");
  assert.equal((await survivorsOf([pid])).length, 2);
  await manager.stop("web");
  assert.deepEqual(await survivorsOf([pid]), []);
});

test("what a service that died without any Helm left behind is ended by adopt", async (t) => {
  const folder = await makeFolder(t);
  const withChild = `require("child_process").spawn("sleep", ["60"]); ${answering}`;
  const services = [await service("web", withChild)];
  const first = await startManagerProcess(t, folder, services);
  await first.untilReady();
  const [pid] = await first.pids();
  await kill(first.process);
  process.kill(pid ?? 0, "SIGKILL");
  const isGone = async () => (await readProcess(pid ?? 0)) === undefined;
  assert.ok(await pollUntil(isGone, { timeoutMs: 10_000 }));
  assert.equal((await survivorsOf([pid])).length, 1);
  const { manager } = await createManager(t, services, { folder });
  assert.deepEqual(await manager.adopt(), []);
  assert.deepEqual(await survivorsOf([pid]), []);
  assert.equal((await statusOf(manager, "web")).state, "stopped");
});

test("a service that is defined no more is ended by adopt", async (t) => {
  const folder = await makeFolder(t);
  const services = [await service("old", answering)];
  const first = await startManagerProcess(t, folder, services);
  await first.untilReady();
  const pids = await first.pids();
  await kill(first.process);
  const { manager, runDir } = await createManager(t, [], { folder });
  assert.deepEqual(await manager.adopt(), []);
  assert.deepEqual(await survivorsOf(pids), []);
  assert.deepEqual(await readdir(runDir), []);
});

test("a run file whose pid has passed to another process adopts and ends nothing", async (t) => {
  const stranger = spawn("sleep", ["60"], { detached: true, stdio: "ignore" });
  t.after(() => stranger.kill("SIGKILL"));
  const pid = stranger.pid ?? 0;
  const { manager, runDir } = await createManager(t, [await service("web", answering)]);
  const startedAt = new Date().toISOString();
  await writeRunFile(runDir, "web", { pid, startTime: "another boot/1", startedAt });
  assert.deepEqual(await manager.adopt(), []);
  assert.equal((await statusOf(manager, "web")).state, "stopped");
  assert.ok(await readProcess(pid));
});

test("a damaged run file is put aside", async (t) => {
  const { manager, runDir } = await createManager(t, [await service("web", answering)]);
  await writeRunFile(runDir, "web", { pid: 2, startTime: "x", startedAt: "" });
  for (const text of ["", "null", '{"pid":1,"startTime":"x"}', '{"pid":-1', "[]"]) {
    await writeFile(path.join(runDir, "web.json"), text);
    assert.deepEqual(await manager.adopt(), [], text);
  }
  await manager.startAll();
  await manager.waitUntilReady();
});

test("a start finds a running process also when nobody called adopt", async (t) => {
  const folder = await makeFolder(t);
  const services = [await service("web", answering)];
  const first = await startManagerProcess(t, folder, services);
  await first.untilReady();
  await kill(first.process);
  const { manager } = await createManager(t, services, { folder });
  await manager.startAll();
  await manager.waitUntilReady();
  const pids = await first.pids();
  assert.equal((await statusOf(manager, "web")).pid, pids[0]);
});

test("Helm killed at any moment of a start leaves no service that the next one does not know", async (t) => {
  const folder = await makeFolder(t);
  const services = [await service("web", answering)];
  // From before the first spawn to long after it.
  for (const afterMs of [0, 5, 10, 20, 30, 60, 120]) {
    const helm = await startManagerProcess(t, folder, services);
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    await kill(helm.process);
    const { manager } = await createManager(t, services, { folder });
    await manager.adopt();
    await manager.startAll();
    await manager.waitUntilReady();
    assert.deepEqual(await runningCopies(services), [1], `killed after ${afterMs} ms`);
    await manager.stopAll();
    manager.close();
    assert.deepEqual(await runningCopies(services), [0], `killed after ${afterMs} ms`);
  }
});

test("Helm killed before it has noted a process leaves none that runs unnoted", async (t) => {
  const folder = await makeFolder(t);
  const services = [await service("web", answering)];
  // Writing to a pipe that nobody reads holds Helm just between the start and the note.
  await mkdir(path.join(folder, "run"));
  await promisify(execFile)("mkfifo", [path.join(folder, "run", "web.json.new")]);
  const helm = await startManagerProcess(t, folder, services);
  const hasBegun = async () => (await runningCopies(services))[0] === 1;
  assert.ok(await pollUntil(hasBegun, { timeoutMs: 10_000 }));
  await kill(helm.process);
  const isGone = async () => (await runningCopies(services))[0] === 0;
  assert.ok(await pollUntil(isGone, { timeoutMs: 10_000 }));
});

/** A Helm in a process of its own, which starts the services and can be killed. */
async function startManagerProcess(
  scope: TestScope,
  folder: string,
  services: readonly ServiceDefinition[],
) {
  const program = path.join(import.meta.dirname, "testing_manager.ts");
  const child = spawn(process.execPath, ["--import", "tsx", program, folder], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, SERVICES: JSON.stringify(services) },
  });
  scope.after(() => child.kill("SIGKILL"));
  const lines = child.stdout.setEncoding("utf8");
  let output = "";
  lines.on("data", (text: string) => {
    output += text;
  });
  const has = (word: string) => pollUntil(async () => output.includes(word), { timeoutMs: 20_000 });
  assert.ok(await has("starting"), "the manager process has begun");
  return {
    process: child,
    untilReady: async () => assert.ok(await has("ready"), "the services are ready"),
    pids: async () => {
      const records = services.map(({ name }) => path.join(folder, "run", `${name}.json`));
      const texts = await Promise.all(records.map((file) => readFile(file, "utf8")));
      return texts.map((text): number => JSON.parse(text).pid);
    },
  };
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

/** How many processes run for each service. */
async function runningCopies(services: readonly ServiceDefinition[]): Promise<number[]> {
  const { stdout } = await promisify(execFile)("ps", ["-A", "-ww", "-o", "stat=", "-o", "args="]);
  const living = stdout.split("\n").filter((line) => line !== "" && !line.startsWith("Z"));
  return services.map(({ name, port }) => {
    return living.filter((line) => line.endsWith(markOf(name, port))).length;
  });
}
