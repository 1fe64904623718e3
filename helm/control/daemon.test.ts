import assert from "node:assert/strict";
import test from "node:test";
import { readProcess } from "../services/process_table.ts";
import { afterTest, makeCheckout, modeOf, registry } from "../testing.ts";
import { ControlError, connectDaemon } from "./control_client.ts";
import { startDaemon } from "./daemon.ts";
import { readLiveDaemon } from "./daemon_file.ts";
import { startTestDaemon } from "./testing.ts";

test("a daemon brings its services up, and the control client sees them and Helm itself", async (t) => {
  const { platform } = await startTestDaemon(t);
  const client = await connectDaemon(platform.checkout);
  assert.equal(client?.pid, process.pid);
  const { services, address } = (await client?.wait()) ?? { services: [], address: "" };
  assert.deepEqual(
    services.map(({ name, state }) => [name, state]),
    [
      ["alpha", "ready"],
      ["beta", "ready"],
      ["helm", "ready"],
    ],
  );
  assert.equal(address, "http://localhost:28000");
});

test("R31: the daemon's file is its owner's alone, and its token is new with each daemon", async (t) => {
  const first = await startTestDaemon(t);
  assert.equal(await modeOf(first.platform.checkout.daemonFile), "600");
  const second = await startTestDaemon(t);
  assert.match(first.controlToken, /^[\w-]{43}$/);
  assert.notEqual(first.controlToken, second.controlToken);
});

test("one service is stopped, started and restarted by name", async (t) => {
  const { platform } = await startTestDaemon(t);
  const client = await connectDaemon(platform.checkout);
  assert.ok(client);
  const pidOf = async (name: string) =>
    (await client.status()).services.find((service) => service.name === name)?.pid;
  await client.wait();
  const [alpha, beta] = [await pidOf("alpha"), await pidOf("beta")];
  await client.act("beta", "stop");
  assert.equal(await pidOf("beta"), undefined);
  await client.act("beta", "start");
  assert.notEqual(await pidOf("beta"), beta);
  await client.act("alpha", "restart");
  assert.notEqual(await pidOf("alpha"), alpha);
});

test("an unknown service is refused with those that there are", async (t) => {
  const { platform } = await startTestDaemon(t);
  const client = await connectDaemon(platform.checkout);
  await assert.rejects(client?.act("gamma", "restart") ?? Promise.resolve(), (error: unknown) => {
    assert.ok(error instanceof ControlError && error.isAnswer);
    assert.match(error.message, /"gamma", there are: alpha, beta/);
    return true;
  });
});

test("a shutdown that keeps the services leaves them to the next daemon, which doubles none", async (t) => {
  const first = await startTestDaemon(t);
  const { checkout } = first.platform;
  const client = await connectDaemon(checkout);
  const before = (await client?.wait())?.services.map(({ pid }) => pid).slice(0, 2);
  await client?.shutdown({ keepServices: true });
  await first.ended;
  assert.equal(await readLiveDaemon(checkout), undefined);
  for (const pid of before ?? []) process.kill(pid ?? 0, 0);

  const { log, definitions } = first;
  const next = await startDaemon({ checkout, registry, log, definitions, isDev: false });
  afterTest(t, () => next.close({ keepServices: false }));
  await next.platform.waitUntilReady();
  const after = (await next.platform.status()).services.map(({ pid }) => pid).slice(0, 2);
  assert.deepEqual(after, before);
  assert.ok(first.log.lines.some((line) => line.includes("took over running services")));
});

test("a shutdown stops the services and answers before the daemon is gone", async (t) => {
  const { platform, ended } = await startTestDaemon(t);
  const client = await connectDaemon(platform.checkout);
  const pids = (await client?.wait())?.services.flatMap(({ pid, name }) =>
    name === "helm" ? [] : [pid ?? 0],
  );
  await client?.shutdown({ keepServices: false });
  await ended;
  assert.equal(pids?.length, 2);
  for (const pid of pids ?? []) assert.equal(await readProcess(pid), undefined);
});

test("a second daemon on the same port is refused, with the port's holder", async (t) => {
  const { platform, log, definitions } = await startTestDaemon(t);
  const { checkout } = platform;
  const second = startDaemon({ checkout, registry, log, definitions, isDev: false });
  await assert.rejects(second, /Cannot start helm: port \d+ is taken by process \d+/);
  assert.ok(await readLiveDaemon(checkout), "the first one is still known");
});

test("without a configuration there is no daemon, and the way to one is named", async (t) => {
  const checkout = await makeCheckout(t);
  const { log } = await startTestDaemon(t);
  const start = startDaemon({ checkout, registry, log, isDev: false });
  await assert.rejects(start, /master_config\.json: there is none yet, run "helm init"/);
});
