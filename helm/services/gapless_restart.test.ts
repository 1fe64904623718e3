import assert from "node:assert/strict";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { Agent, request as httpRequest } from "node:http";
import path from "node:path";
import test from "node:test";
import type { TestScope } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { readRunFile, writeRunFile } from "./run_file.ts";
import type { ServiceDefinition } from "./service_definition.ts";
import type { ServiceManagerOptions } from "./service_manager.ts";
import { readStandInPorts, standInsDir } from "./stand_in.ts";
import {
  createManager,
  draining,
  makeFolder,
  onAnyPort,
  service,
  statusOf,
  survivorsOf,
} from "./testing.ts";

test("a restart without a gap answers every request, and ends on the configured port", async (t) => {
  const web = twice(await service("web", draining));
  const { manager, ask, portNow, runDir } = await startGapless(t, [web]);
  const { pid: before } = await statusOf(manager, "web");
  let isOver = false;
  const ports = new Set<number>();
  const answered = new Set<number>();
  const clients = Array.from({ length: 4 }, async () => {
    while (!isOver) {
      ports.add(portNow("web"));
      answered.add(await ask("web"));
    }
  });
  await manager.restart("web");
  isOver = true;
  await Promise.all(clients);

  const after = await statusOf(manager, "web");
  assert.equal(after.state, "ready");
  assert.notEqual(after.pid, before);
  assert.equal(after.standIn, undefined);
  assert.equal(portNow("web"), web.port);
  assert.equal(ports.size, 2, "there was a stand-in on another port");
  assert.ok(answered.has(before ?? 0) && answered.has(after.pid ?? 0) && answered.size === 3);
  assert.deepEqual(await readdir(standInsDir(runDir)), []);
  assert.deepEqual(await survivorsOf([...answered].filter((pid) => pid !== after.pid)), []);
});

test("where the new process does not get ready, the old one runs on and the error says why", async (t) => {
  const good = twice(await service("web", draining));
  let current: ServiceDefinition = good;
  const { manager, runDir, ask } = await startGapless(t, [], {
    definitions: async () => [current],
  });
  const { pid } = await statusOf(manager, "web");
  const broken = `console.log('{"level":"error","message":"Unexpected token"}'); process.exit(1);`;
  current = twice(good, () => broken);
  await assert.rejects(manager.restart("web"), (error: Error) => {
    assert.match(
      error.message,
      /^Cannot restart web, process \d+ runs on as before: exit status 1/,
    );
    assert.match(error.message, /Unexpected token/);
    return true;
  });
  const status = await statusOf(manager, "web");
  assert.deepEqual([status.state, status.pid], ["ready", pid]);
  assert.match(status.reason ?? "", /^its restart failed, .*Unexpected token/);
  assert.equal(await ask("web"), pid);
  assert.deepEqual(await readdir(standInsDir(runDir)), []);

  current = good;
  await manager.restart("web");
  assert.equal((await statusOf(manager, "web")).reason, undefined);
});

test("where only the configured port fails, the stand-in serves until that is mended", async (t) => {
  const good = await service("web", draining);
  let onItsPort = draining;
  const web = twice(good, (port) => (port === good.port ? onItsPort : draining));
  const { manager, ask } = await startGapless(t, [web]);
  onItsPort = "process.exit(4)";
  await assert.rejects(
    manager.restart("web"),
    /Cannot restart web, process \d+ on port \d+ serves/,
  );
  const { standIn } = await statusOf(manager, "web");
  assert.equal(await ask("web"), standIn?.pid);
  onItsPort = draining;
  await manager.restart("web");
  const after = await statusOf(manager, "web");
  assert.equal(await ask("web"), after.pid);
  assert.equal(after.standIn, undefined);
  assert.deepEqual(await survivorsOf([standIn?.pid]), []);
});

test("a stop ends a restart that is under way, and both processes", async (t) => {
  const web = twice(await service("web", draining));
  const { manager, portNow } = await startGapless(t, [web], { takeUpMs: 60_000 });
  const restarted = assert.rejects(manager.restart("web"), /stopped meanwhile/);
  await waitFor(async () => (await statusOf(manager, "web")).standIn, { what: "the stand-in" });
  const { pid, standIn } = await statusOf(manager, "web");
  await manager.stop("web");
  await restarted;
  assert.equal((await statusOf(manager, "web")).state, "stopped");
  assert.deepEqual(await survivorsOf([pid, standIn?.pid]), []);
  assert.equal(portNow("web"), web.port);
});

test("a stand-in that dies sends everybody back to the process that is left", async (t) => {
  const web = twice(await service("web", draining));
  const { manager, ask } = await startGapless(t, [web], { takeUpMs: 60_000 });
  const { pid } = await statusOf(manager, "web");
  const restarted = assert.rejects(manager.restart("web"), /runs on as before: killed by SIGKILL/);
  const isThere = async () => (await statusOf(manager, "web")).standIn;
  const standIn = await waitFor(isThere, { what: "the stand-in" });
  process.kill(standIn.pid, "SIGKILL");
  await restarted;
  assert.equal(await ask("web"), pid);
});

test("several restarts asked for at once come down to two", async (t) => {
  let starts = 0;
  const web = twice({
    ...(await service("web", draining)),
    prepare: async () => void starts++,
  });
  const { manager } = await startGapless(t, [web]);
  starts = 0;
  await Promise.all([1, 2, 3, 4].map(() => manager.restart("web")));
  // Each has a preparation for the stand-in and one for the process itself.
  assert.ok(starts === 2 || starts === 4, `${starts} preparations`);
});

test("changed settings are taken up without a gap", async (t) => {
  const web = twice(await service("web", draining));
  let current: ServiceDefinition = web;
  const { manager, ask } = await startGapless(t, [], { definitions: async () => [current] });
  current = { ...web, env: { ...web.env, LOG_LEVEL: "DEBUG" } };
  let isOver = false;
  const client = (async () => {
    while (!isOver) await ask("web");
  })();
  assert.deepEqual(await manager.restartOutdated(), ["web"]);
  isOver = true;
  await client;
  assert.deepEqual(await manager.restartOutdated(), []);
});

test("Helm killed while a stand-in serves: the next one sends people back and ends it", async (t) => {
  const web = twice(await service("web", draining));
  const folder = await makeFolder(t);
  const first = await startGapless(t, [web], { folder, takeUpMs: 60_000 });
  void first.manager.restart("web").catch(() => {});
  const isServed = async () => (await readStandInPorts(first.runDir)).size === 1;
  await waitFor(isServed, { what: "a stand-in that serves" });
  const standIn = await readRunFile(standInsDir(first.runDir), "web");
  const main = await readRunFile(first.runDir, "web");
  first.manager.close();
  // As if the former Helm had been killed later on, when the main process was gone already.
  process.kill(main?.pid ?? 0, "SIGKILL");

  const next = await startGapless(t, [web], { folder });
  assert.equal((await statusOf(next.manager, "web")).state, "ready");
  await waitFor(async () => (await readStandInPorts(first.runDir)).size === 0, { what: "the end" });
  await waitFor(async () => (await survivorsOf([standIn?.pid])).length === 0, {
    what: "no process",
  });
  assert.equal(await next.ask("web"), (await statusOf(next.manager, "web")).pid);
});

test("a stand-in that nobody was sent to is ended by adopt, and so is one of a service that is no more", async (t) => {
  const folder = await makeFolder(t);
  const [web, old] = [twice(await service("web", draining)), twice(await service("old", draining))];
  const first = await startGapless(t, [web, old], { folder });
  const records = await Promise.all(["web", "old"].map((name) => readRunFile(first.runDir, name)));
  first.manager.close();
  // The very processes, noted as stand-ins.
  const dir = standInsDir(first.runDir);
  await mkdir(dir, { recursive: true });
  for (const [i, name] of ["web", "old"].entries()) {
    await writeRunFile(dir, name, { ...records[i], isServing: name === "old" } as never);
  }
  await writeFile(path.join(first.runDir, "web.json"), "");
  await writeFile(path.join(first.runDir, "old.json"), "");
  const { manager } = await createManager(t, [web], { folder, announce: async () => {} });
  await manager.adopt();
  const left = async () => (await survivorsOf(records.map((record) => record?.pid))).length;
  await manager.stop("web");
  await waitFor(async () => (await left()) === 0, { what: "no process" });
  assert.deepEqual(await readdir(dir), []);
});

/** The same service, which may run on any port. @param programOn another program than its own */
function twice(
  definition: ServiceDefinition,
  programOn?: (port: number) => string,
): ServiceDefinition {
  const onPort = (port: number): ServiceDefinition => ({
    ...onAnyPort({ ...definition, port }),
    ...(programOn && { command: async () => [process.execPath, "-e", programOn(port)] as const }),
  });
  return { ...onPort(definition.port ?? 0), onPort };
}

/** A manager whose services are all ready, and clients that go where they are announced to be. */
async function startGapless(
  scope: TestScope,
  services: readonly ServiceDefinition[],
  { takeUpMs = 150, ...options }: Partial<ServiceManagerOptions> & Options = {},
) {
  let standIns: ReadonlyMap<string, number> = new Map();
  const announce = async () => {
    standIns = await readStandInPorts(made.runDir);
  };
  const made = await createManager(scope, services, {
    ...options,
    announce,
    times: { takeUpMs },
  });
  const { manager } = made;
  await announce();
  await manager.adopt();
  await manager.startAll();
  await manager.waitUntilReady();
  const configured = new Map((await manager.status()).map(({ name, port = 0 }) => [name, port]));
  const portNow = (name: string) => standIns.get(name) ?? configured.get(name) ?? 0;
  const agent = new Agent({ keepAlive: true });
  scope.after(() => agent.destroy());
  return { ...made, portNow, ask: (name: string) => ask(agent, portNow(name)) };
}

interface Options {
  readonly folder?: string;
  readonly takeUpMs?: number;
}

/** @returns the pid of whoever answers */
async function ask(agent: Agent, port: number): Promise<number> {
  return await new Promise((resolve, reject) => {
    const sent = httpRequest({ host: "127.0.0.1", port, agent, method: "POST" }, async (answer) => {
      let text = "";
      for await (const chunk of answer.setEncoding("utf8")) text += chunk;
      resolve(Number(text));
    });
    sent.on("error", reject).end("x");
  });
}
