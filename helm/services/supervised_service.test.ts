import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import test from "node:test";
import { findFreePort } from "@hivematrix/lib/postgres_testing";
import { pollUntil } from "./pause.ts";
import { ServiceManager } from "./service_manager.ts";
import { answering, createManager, service, statusOf, survivorsOf, untilState } from "./testing.ts";

const exiting = `console.log('{"level":"error","message":"PORT is missing"}'); process.exit(3);`;

test("a service that is killed comes back under a new pid, and its children end first", async (t) => {
  const withChild = `require("child_process").spawn("sleep", ["60"]); ${answering}`;
  const { manager } = await createManager(t, [await service("web", withChild)]);
  await manager.startAll();
  await manager.waitUntilReady();
  const before = await statusOf(manager, "web");
  process.kill(before.pid ?? 0, "SIGKILL");
  const isBack = async () => {
    const now = await statusOf(manager, "web");
    return now.state === "ready" && now.pid !== before.pid;
  };
  assert.ok(await pollUntil(isBack, { timeoutMs: 10_000 }));
  assert.equal((await statusOf(manager, "web")).restarts, 1);
  assert.deepEqual(await survivorsOf([before.pid]), []);
});

test("a service that exits at once is called crash-looping, with status and last words", async (t) => {
  const { manager } = await createManager(t, [await service("broken", exiting)]);
  await manager.startAll();
  const status = await untilState(manager, "broken", "crash-looping");
  assert.equal(status.reason, "exit status 3, last log line: PORT is missing");
  const isTriedOn = async () => (await statusOf(manager, "broken")).restarts > 5;
  assert.ok(await pollUntil(isTriedOn, { timeoutMs: 10_000 }));
  assert.equal((await statusOf(manager, "broken")).state, "crash-looping");
});

test("restarts wait 1, 2, 4 … times the unit, and the longest delay from there on", async (t) => {
  const starts: number[] = [];
  const broken = await service("broken", exiting, {
    prepare: async () => void starts.push(performance.now()),
  });
  const { manager } = await createManager(t, [broken], {
    times: { restartDelaysMs: [200, 400, 800] },
  });
  await manager.startAll();
  assert.ok(await pollUntil(async () => starts.length >= 5, { timeoutMs: 20_000 }));
  const pauses = starts.slice(1, 5).map((at, index) => at - (starts[index] ?? 0));
  for (const [index, expected] of [200, 400, 800, 800].entries()) {
    const actual = pauses[index] ?? 0;
    assert.ok(actual >= expected, `pause ${index} took ${actual} ms`);
  }
});

test("the log of a crash loop stays within its bound, however much each attempt prints", async (t) => {
  const maxLogBytes = 20_000;
  const loud = `console.log("x".repeat(9_000)); process.exit(3);`;
  const { manager, logDir } = await createManager(t, [await service("loud", loud)], {
    maxLogBytes,
    times: { restartDelaysMs: [10] },
  });
  await manager.startAll();
  // Ten times what is kept at most.
  const printed = async () => (await statusOf(manager, "loud")).restarts * 9_000;
  let most = 0;
  const isOver = async () => {
    const sizes = ["loud.log", "loud.log.1"].map(
      (name) => statSync(path.join(logDir, name), { throwIfNoEntry: false })?.size ?? 0,
    );
    most = Math.max(most, ...sizes);
    return (await printed()) > 10 * 2 * maxLogBytes;
  };
  assert.ok(await pollUntil(isOver, { timeoutMs: 60_000 }));
  // Looked at ten times a second, it is beyond that by what a few attempts print.
  assert.ok(most > maxLogBytes && most < 5 * maxLogBytes, `${most} bytes`);
});

test("after a long life the first death is followed by a restart at once", async (t) => {
  const { manager } = await createManager(t, [await service("web", answering)], {
    times: { stableAfterMs: 1, restartDelaysMs: [3_600_000] },
  });
  await manager.startAll();
  await manager.waitUntilReady();
  const { pid } = await statusOf(manager, "web");
  process.kill(pid ?? 0, "SIGKILL");
  const isBack = async () => {
    const now = await statusOf(manager, "web");
    return now.state === "ready" && now.pid !== pid;
  };
  assert.ok(await pollUntil(isBack, { timeoutMs: 10_000 }));
});

test("a dependent of a crash loop says what it waits for, and starts when that is mended", async (t) => {
  const port = await findFreePort();
  let postgres = await service("postgres", exiting, { port });
  const web = await service("web", answering, { dependencies: ["postgres"] });
  const { manager } = await createManager(t, [], { definitions: async () => [postgres, web] });
  await manager.startAll();
  await assert.rejects(manager.waitUntilReady(), (error: Error) => {
    assert.match(error.message, /^2 of 2 services are not ready: postgres is crash-looping/);
    assert.match(error.message, /PORT is missing/);
    assert.match(error.message, /web is starting \(waiting for postgres, which is crash-looping\)/);
    return true;
  });
  postgres = await service("postgres", answering, { port });
  await untilState(manager, "web", "ready");
});

test("waitUntilReady gives up in time and names who is late and why", async (t) => {
  const { manager } = await createManager(t, [
    await service("late", "setInterval(() => {}, 1000)"),
  ]);
  await manager.startAll();
  const isChecked = async () => (await statusOf(manager, "late")).reason !== undefined;
  assert.ok(await pollUntil(isChecked, { timeoutMs: 10_000 }));
  await assert.rejects(
    manager.waitUntilReady(undefined, 300),
    /late is starting \(not listening\)$/,
  );
});

test("a taken port is named with the process that holds it, and free again it is used", async (t) => {
  const squatter = createServer().listen(0, "127.0.0.1");
  t.after(() => squatter.close());
  await new Promise((resolve) => squatter.once("listening", resolve));
  const { port } = squatter.address() as AddressInfo;
  const { manager } = await createManager(t, [await service("web", answering, { port })]);
  await manager.startAll();
  const { reason } = await untilState(manager, "web", "crash-looping");
  assert.match(reason ?? "", new RegExp(`port ${port} is taken by process ${process.pid} `));
  squatter.close();
  await untilState(manager, "web", "ready");
});

test("a taken second port is named too", async (t) => {
  const squatter = createServer().listen(0, "127.0.0.1");
  t.after(() => squatter.close());
  await new Promise((resolve) => squatter.once("listening", resolve));
  const { port } = squatter.address() as AddressInfo;
  const web = await service("web", answering, { otherPorts: [port] });
  const { manager } = await createManager(t, [web]);
  await manager.startAll();
  const { reason } = await untilState(manager, "web", "crash-looping");
  assert.match(reason ?? "", new RegExp(`port ${port} is taken by process ${process.pid} `));
});

test("a prepare step that fails is the reason, and is tried again", async (t) => {
  let failures = 2;
  const web = await service("web", answering, {
    prepare: async () => {
      if (failures-- > 0) throw new Error("Cannot make database web_db: connection refused");
    },
  });
  const { manager, log } = await createManager(t, [web]);
  await manager.startAll();
  await manager.waitUntilReady();
  assert.match(log.lines.join(""), /web died: Cannot make database web_db/);
  assert.equal((await statusOf(manager, "web")).restarts, 2);
});

test("a service whose preparation hangs can be stopped", async (t) => {
  const hanging = await service("hanging", answering, { prepare: () => new Promise(() => {}) });
  const { manager } = await createManager(t, [hanging], { times: { stopGraceMs: 50 } });
  await manager.startAll();
  await manager.stop("hanging");
  assert.equal((await statusOf(manager, "hanging")).state, "stopped");
});

test("a frozen service becomes unhealthy, is killed and comes back", async (t) => {
  const { manager } = await createManager(t, [await service("web", answering)], {
    // Half a second, for a healthy service answers in time on a busy machine too.
    times: { stopGraceMs: 100, healthTimeoutMs: 500, unhealthyLimitMs: 1000 },
  });
  await manager.startAll();
  await manager.waitUntilReady();
  const { pid } = await statusOf(manager, "web");
  process.kill(pid ?? 0, "SIGSTOP");
  const unhealthy = await untilState(manager, "web", "unhealthy");
  assert.equal(unhealthy.reason, "no answer to the health check in time");
  assert.equal(unhealthy.pid, pid);
  const again = await untilState(manager, "web", "ready");
  assert.notEqual(again.pid, pid);
  assert.deepEqual(await survivorsOf([pid]), []);
});

test("a service that is unhealthy because its dependency is away is not killed for it", async (t) => {
  const base = await service("base", answering);
  const front = `require("http").createServer((request, response) =>
      fetch("http://127.0.0.1:${base.port}").then(() => response.end(), () => {
        response.statusCode = 503; response.end('{"checks":{"base":"failing"}}');
      })).listen(process.env.PORT, "127.0.0.1");`;
  const top = await service("top", front, { dependencies: ["base"] });
  const { manager } = await createManager(t, [base, top], { times: { unhealthyLimitMs: 100 } });
  await manager.startAll();
  await manager.waitUntilReady();
  const { pid } = await statusOf(manager, "top");
  await manager.stop("base");
  const { reason } = await untilState(manager, "top", "unhealthy");
  assert.equal(reason, "health check answered 503 (base failing)");
  // Much longer than it would be granted if it were its own fault.
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.equal((await statusOf(manager, "top")).pid, pid);
  await manager.start("base");
  assert.equal((await untilState(manager, "top", "ready")).pid, pid);
});

test("a service that never becomes ready is started anew after the limit", async (t) => {
  const { manager } = await createManager(
    t,
    [await service("late", "setInterval(() => {}, 1000)")],
    { times: { startLimitMs: 100 } },
  );
  await manager.startAll();
  const { reason } = await untilState(manager, "late", "crash-looping");
  assert.equal(reason, "not ready after 0.1 s: not listening");
});

test("a program that does not exist and a folder that does not exist are named", async (t) => {
  const missing = "/nonexistent/program";
  const { manager } = await createManager(t, [
    { ...(await service("program", "")), command: [missing] },
    { ...(await service("folder", "")), folder: "/nonexistent/folder" },
  ]);
  await manager.startAll();
  const program = await untilState(manager, "program", "crash-looping");
  assert.match(program.reason ?? "", /exit status 127.*\/nonexistent\/program.*not found/);
  const folder = await untilState(manager, "folder", "crash-looping");
  assert.match(
    folder.reason ?? "",
    /Cannot start folder: its folder \/nonexistent\/folder does not/,
  );
});

test("closing leaves the services running", async (t) => {
  const web = await service("web", answering);
  const { manager, runDir, logDir, log } = await createManager(t, [web]);
  await manager.startAll();
  await manager.waitUntilReady();
  const { pid } = await statusOf(manager, "web");
  manager.close();
  const next = new ServiceManager({ definitions: async () => [web], runDir, logDir, log });
  t.after(() => next.close());
  assert.deepEqual(await next.adopt(), ["web"]);
  await next.waitUntilReady();
  assert.equal((await statusOf(next, "web")).pid, pid);
  await next.stopAll();
  assert.deepEqual(await survivorsOf([pid]), []);
});
