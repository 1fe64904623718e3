import assert from "node:assert/strict";
import test from "node:test";
import { pollUntil } from "./pause.ts";
import { readProcess } from "./process_table.ts";
import type { ServiceDefinition } from "./service_definition.ts";
import { answering, createManager, service, statusOf, survivorsOf, untilState } from "./testing.ts";

test("a service is started when what it depends on is ready, not earlier", async (t) => {
  const order: string[] = [];
  const noted = (name: string) => ({ prepare: async () => void order.push(name) });
  const isReady = (definition: ServiceDefinition) => async (signal: AbortSignal) => {
    const answer = await definition.isReady(signal);
    if (answer && !order.includes(`${definition.name} ready`))
      order.push(`${definition.name} ready`);
    return answer;
  };
  const base = await service("base", answering, noted("base"));
  const middle = await service("middle", answering, {
    dependencies: ["base"],
    ...noted("middle"),
  });
  const top = await service("top", answering, {
    dependencies: ["middle", "base"],
    ...noted("top"),
  });
  const services = [top, middle, base].map((each) => ({ ...each, isReady: isReady(each) }));
  const { manager } = await createManager(t, services);
  await manager.startAll();
  await manager.waitUntilReady();
  assert.deepEqual(order, ["base", "base ready", "middle", "middle ready", "top", "top ready"]);
});

test("status tells pid, port, uptime, memory and load of a running service", async (t) => {
  const web = await service("web", answering);
  const { manager } = await createManager(t, [web]);
  assert.deepEqual(await manager.status(), [
    { name: "web", state: "stopped", restarts: 0, dependencies: [], port: web.port },
  ]);
  await manager.startAll();
  await manager.waitUntilReady();
  const status = await statusOf(manager, "web");
  assert.equal(status.state, "ready");
  assert.equal(status.port, web.port);
  assert.equal((await readProcess(status.pid ?? 0))?.groupId, status.pid);
  assert.ok((status.memoryBytes ?? 0) > 10e6);
  assert.ok((status.cpuPercent ?? -1) >= 0);
  assert.ok((status.uptimeSeconds ?? -1) >= 0 && (status.uptimeSeconds ?? 99) < 20);
  assert.ok(Math.abs(Date.parse(status.startedAt ?? "") - Date.now()) < 20_000);
});

test("start brings up what the service depends on and nothing else", async (t) => {
  const base = await service("base", answering);
  const top = await service("top", answering, { dependencies: ["base"] });
  const other = await service("other", answering);
  const { manager } = await createManager(t, [base, top, other]);
  await manager.start("top");
  await manager.waitUntilReady(["top"]);
  assert.equal((await statusOf(manager, "base")).state, "ready");
  assert.equal((await statusOf(manager, "other")).state, "stopped");
  await assert.rejects(manager.start("nobody"), /Cannot find service "nobody".*base, top, other/);
});

test("starting twice leaves the running process as it is", async (t) => {
  const { manager } = await createManager(t, [await service("web", answering)]);
  await manager.startAll();
  await manager.waitUntilReady();
  const { pid } = await statusOf(manager, "web");
  await manager.startAll();
  await manager.start("web");
  await manager.waitUntilReady();
  assert.equal((await statusOf(manager, "web")).pid, pid);
});

test("stopAll stops dependents first and leaves no process, children included", async (t) => {
  const withChild = `require("child_process").spawn("sleep", ["60"]); ${answering}`;
  const base = await service("base", withChild);
  const top = await service("top", answering, { dependencies: ["base"] });
  const { manager } = await createManager(t, [base, top]);
  await manager.startAll();
  await manager.waitUntilReady();
  const pids = (await manager.status()).map(({ pid }) => pid);
  assert.equal((await survivorsOf(pids)).length, 3);

  const ended: string[] = [];
  manager.onChange((status) => {
    if (status.state === "stopped") ended.push(status.name);
  });
  await manager.stopAll();
  assert.deepEqual(ended, ["top", "base"]);
  assert.deepEqual(await survivorsOf(pids), []);
  assert.deepEqual(
    (await manager.status()).map(({ state, pid }) => ({ state, pid })),
    [
      { state: "stopped", pid: undefined },
      { state: "stopped", pid: undefined },
    ],
  );
});

test("a child that has left the service's group, as daemons do, is ended with it", {
  skip: process.platform !== "linux" && "only Linux shows whose child it was",
}, async (t) => {
  const program = `const child = require("child_process").spawn("sleep", ["60"], { detached: true });
    child.unref(); console.log(JSON.stringify({ child: child.pid })); ${answering}`;
  const { manager, readLog } = await createManager(t, [await service("web", program)]);
  const children: number[] = [];
  const isGone = async (pid: number) => (await readProcess(pid)) === undefined;
  for (const end of ["stop", "SIGKILL"]) {
    await manager.start("web");
    await manager.waitUntilReady();
    const child = Number(/.*"child":(\d+)/s.exec(await readLog("web"))?.[1]);
    children.push(child);
    assert.equal(await isGone(child), false);
    if (end === "stop") await manager.stop("web");
    else process.kill((await statusOf(manager, "web")).pid ?? 0, "SIGKILL");
    assert.ok(await pollUntil(() => isGone(child), { timeoutMs: 10_000 }), end);
  }
  assert.notEqual(children[0], children[1]);
});

test("a service that ignores SIGTERM is killed with its children after the grace time", async (t) => {
  const stubborn = `process.on("SIGTERM", () => {});
    require("child_process").spawn("sh", ["-c", "trap '' TERM; sleep 60; sleep 60"]); ${answering}`;
  const { manager } = await createManager(t, [await service("stubborn", stubborn)], {
    times: { stopGraceMs: 100 },
  });
  await manager.startAll();
  await manager.waitUntilReady();
  const { pid } = await statusOf(manager, "stubborn");
  await manager.stop("stubborn");
  assert.deepEqual(await survivorsOf([pid]), []);
});

test("a service is asked to stop with its own signal", async (t) => {
  const program = `process.on("SIGINT", () => { console.log("asked kindly"); process.exit(0); });
    process.on("SIGTERM", () => {}); ${answering}`;
  const { manager, readLog } = await createManager(t, [
    await service("polite", program, { stopSignal: "SIGINT" }),
  ]);
  await manager.startAll();
  await manager.waitUntilReady();
  await manager.stop("polite");
  assert.match(await readLog("polite"), /asked kindly/);
});

test("a stop in the middle of a start ends the process, and the next start works", async (t) => {
  const slow = `setTimeout(() => { ${answering} }, 1000)`;
  const { manager } = await createManager(t, [await service("slow", slow)]);
  await manager.start("slow");
  const isRunning = async () => (await statusOf(manager, "slow")).pid !== undefined;
  assert.ok(await pollUntil(isRunning, { timeoutMs: 10_000 }));
  const { pid } = await statusOf(manager, "slow");
  await manager.stop("slow");
  assert.equal((await statusOf(manager, "slow")).state, "stopped");
  assert.deepEqual(await survivorsOf([pid]), []);
  await manager.start("slow");
  await manager.waitUntilReady();
});

test("of a stop and a start at the same time the last one wins", async (t) => {
  const { manager } = await createManager(t, [await service("web", answering)]);
  await manager.start("web");
  await manager.waitUntilReady();
  const { pid } = await statusOf(manager, "web");
  await Promise.all([manager.stop("web"), manager.start("web")]);
  const again = await untilState(manager, "web", "ready");
  assert.notEqual(again.pid, pid);
  await Promise.all([manager.start("web"), manager.stop("web")]);
  await untilState(manager, "web", "stopped");
});

test("restart takes up the definition as it is now", async (t) => {
  const before = await service("web", answering);
  let current = before;
  const { manager } = await createManager(t, [], { definitions: async () => [current] });
  await manager.startAll();
  await manager.waitUntilReady();
  current = await service("web", answering);
  await manager.restart("web");
  await manager.waitUntilReady();
  assert.equal((await statusOf(manager, "web")).port, current.port);
  assert.notEqual(current.port, before.port);
});

test("a service that is defined no more is shown as long as it runs", async (t) => {
  let services = [await service("web", answering)];
  const { manager } = await createManager(t, [], { definitions: async () => services });
  await manager.startAll();
  await manager.waitUntilReady();
  services = [];
  assert.deepEqual(
    (await manager.status()).map(({ name, state }) => ({ name, state })),
    [{ name: "web", state: "ready" }],
  );
  await manager.stop("web");
  assert.deepEqual(await manager.status(), []);
});

test("a service gets its own environment and of Helm's only what the machine says", async (t) => {
  process.env["HELM_ONLY_FOR_THIS_TEST"] = "x";
  t.after(() => delete process.env["HELM_ONLY_FOR_THIS_TEST"]);
  const program = `console.log(JSON.stringify(Object.keys(process.env))); ${answering}`;
  const web = await service("web", program);
  const { manager, readLog } = await createManager(t, [
    { ...web, env: { ...web.env, SERVICE_NAME: "web" } },
  ]);
  await manager.startAll();
  await manager.waitUntilReady();
  const names: string[] = JSON.parse((await readLog("web")).split("\n")[0] ?? "");
  // What a shell that starts a program may add by itself is not Helm's.
  const fromShell = ["PWD", "OLDPWD", "SHLVL", "_"];
  const fromMachine = ["PATH", "HOME", "LANG", "TZ", "TMPDIR"].filter((name) => process.env[name]);
  assert.deepEqual(
    names.filter((name) => !fromShell.includes(name)).sort(),
    [...fromMachine, "HIVEMATRIX_RUN", "PORT", "SERVICE_NAME"].sort(),
  );
});

test("services that wait for one another are refused by name", async (t) => {
  const { manager } = await createManager(t, [
    await service("a", answering, { dependencies: ["b"] }),
    await service("b", answering, { dependencies: ["a"] }),
  ]);
  await assert.rejects(manager.startAll(), /a -> b -> a/);
});

test("an unknown dependency is taken as provided elsewhere", async (t) => {
  const { manager } = await createManager(t, [
    await service("web", answering, { dependencies: ["postgresql"] }),
  ]);
  await manager.startAll();
  await manager.waitUntilReady();
});

test("a broken configuration still lets see what runs", async (t) => {
  const web = await service("web", answering);
  let isBroken = false;
  const { manager } = await createManager(t, [], {
    definitions: async () => {
      if (isBroken) throw new Error("master_config.json: line 3");
      return [web];
    },
  });
  await manager.startAll();
  await manager.waitUntilReady();
  isBroken = true;
  assert.equal((await statusOf(manager, "web")).state, "ready");
  await assert.rejects(manager.startAll(), /line 3/);
});

test("a listener that throws does not end the supervision", async (t) => {
  const { manager } = await createManager(t, [await service("web", answering)]);
  const stopListening = manager.onChange(() => {
    throw new Error("a broken dashboard");
  });
  await manager.startAll();
  await manager.waitUntilReady();
  stopListening();
});

test("a restart of all takes each after what it depends on, and leaves alone what waits in vain", async (t) => {
  const base = await service("base", answering);
  let program = answering;
  const command = async () => [process.execPath, "-e", program] as const;
  const middle = await service("middle", answering, { dependencies: ["base"], command });
  const top = await service("top", answering, { dependencies: ["middle"] });
  const other = await service("other", answering);
  const { manager } = await createManager(t, [top, middle, base, other]);
  const pids = async () => new Map((await manager.status()).map(({ name, pid }) => [name, pid]));
  await manager.startAll();
  await manager.waitUntilReady();
  await manager.stop("other");
  const before = await pids();
  await manager.restartAll();
  const after = await pids();
  for (const [name, pid] of before) assert.notEqual(after.get(name), pid, name);
  assert.equal((await statusOf(manager, "other")).state, "ready", "what was stopped is started");

  program = "process.exit(3)";
  await assert.rejects(manager.restartAll(), /middle.*exit status 3/);
  const last = await pids();
  assert.equal(last.get("top"), after.get("top"), "what depends on it runs on");
  assert.notEqual(last.get("base"), after.get("base"));
});
