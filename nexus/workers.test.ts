import assert from "node:assert/strict";
import cluster from "node:cluster";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { createTestLog, type TestScope } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { Workers } from "./workers.ts";

cluster.setupPrimary({
  exec: join(import.meta.dirname, "workers_testing.ts"),
  execArgv: ["--import", "tsx"],
  silent: true,
});

let printed = "";
cluster.on("fork", ({ process: { stdout } }) => {
  stdout?.setEncoding("utf8").on("data", (chunk: string) => {
    printed += chunk;
  });
});

const times = {
  stableAfterMs: 60_000,
  firstDelayMs: 10,
  longestDelayMs: 40,
  pingEveryMs: 100,
  stopTimeoutMs: 500,
};

/** Workers that do as they are told, closed with the test. */
function createWorkers(t: TestScope, told: Record<string, string>, count = 2) {
  const log = createTestLog("nexus");
  const workers = new Workers(count, log, times);
  Object.assign(process.env, { WORKER_DIES: "", WORKER_HANGS: "" }, told);
  printed = "";
  t.after(() => workers.close());
  const lines = () => log.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  return { workers, lines };
}

const running = () => Object.values(cluster.workers ?? {}).length;

test("all have come to listen when the start is over", async (t) => {
  const { workers, lines } = createWorkers(t, {}, 3);
  assert.equal(await workers.start(), true);
  assert.equal(running(), 3);
  await workers.close();
  assert.equal(running(), 0);
  assert.deepEqual(lines(), []);
});

test("when the first one cannot serve, no other one tries, and its exit status is told", async (t) => {
  const { workers, lines } = createWorkers(t, { WORKER_DIES: "before it listens" }, 3);
  await assert.rejects(workers.start(), { name: "FirstWorkerError", exitCode: 3 });
  await waitFor(() => running() === 0);
  assert.equal(printed, "starts\n");
  assert.deepEqual(lines(), []);
});

test("who dies again and again is replaced after a delay that grows up to a bound", async (t) => {
  const { workers, lines } = createWorkers(t, { WORKER_DIES: "when it listens" }, 1);
  await workers.start();
  await waitFor(() => lines().length >= 5, { timeoutMs: 60_000, what: "five deaths" });
  const delays = lines().map(({ delayMs }) => delayMs);
  assert.deepEqual(delays.slice(0, 5), [10, 20, 40, 40, 40]);
  assert.ok(lines().every(({ ending }) => ending === "exit status 1"));
});

test("a worker that hangs is killed and replaced", async (t) => {
  const { workers, lines } = createWorkers(t, { WORKER_HANGS: "yes" }, 1);
  await workers.start();
  process.env["WORKER_HANGS"] = "no";
  await waitFor(() => lines().length === 2, { timeoutMs: 30_000, what: "the kill" });
  const [hang, end] = lines();
  assert.equal(hang?.["message"], "a process hangs and is killed");
  assert.deepEqual([end?.["pid"], end?.["ending"]], [hang?.["pid"], "killed by SIGKILL"]);
  await waitFor(() => running() === 1);
});

test("a worker that does not end when it is asked to is killed", async (t) => {
  const { workers } = createWorkers(t, { WORKER_DIES: "never" });
  await workers.start();
  const endings = Object.values(cluster.workers ?? {}).map(async (worker) => {
    assert.ok(worker);
    return (await once(worker, "exit"))[1];
  });
  const startedAt = performance.now();
  await workers.close();
  assert.ok(performance.now() - startedAt >= times.stopTimeoutMs);
  assert.deepEqual(await Promise.all(endings), ["SIGKILL", "SIGKILL"]);
});

test("a close during the start leaves nobody", async (t) => {
  const { workers, lines } = createWorkers(t, {});
  const started = workers.start();
  await waitFor(() => running() === 2);
  await workers.close();
  assert.equal(await started, false);
  assert.equal(running(), 0);
  assert.deepEqual(lines(), []);
});

test("every worker reads anew what it has read, when it is told to", async (t) => {
  const { workers } = createWorkers(t, {});
  await workers.start();
  workers.reload();
  await waitFor(() => printed === "starts\nstarts\nreloads\nreloads\n");
});
