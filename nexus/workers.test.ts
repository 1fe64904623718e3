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
  startTimeoutMs: 10_000,
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
/** One that has ended is among them until its channel is seen to be closed, too. */
const untilGone = () => waitFor(() => running() === 0);
const pids = () => Object.values(cluster.workers ?? {}).map((worker) => worker?.process.pid);

test("all have come to listen when the start is over", async (t) => {
  const { workers, lines } = createWorkers(t, {}, 3);
  assert.equal(await workers.start(), true);
  assert.equal(running(), 3);
  await workers.close();
  await untilGone();
  assert.deepEqual(lines(), []);
});

test("when the first one cannot serve, no other one tries, and its exit status is told", async (t) => {
  const { workers, lines } = createWorkers(t, { WORKER_DIES: "before it listens" }, 3);
  await assert.rejects(workers.start(), { name: "WorkerStartError", exitCode: 3 });
  await untilGone();
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
  await untilGone();
  assert.deepEqual(lines(), []);
});

test("every worker reads anew what it has read, when it is told to", async (t) => {
  const { workers } = createWorkers(t, {});
  await workers.start();
  workers.reload();
  await waitFor(() => printed === "starts\nstarts\nreloads\nreloads\n");
});

test("all are replaced while others serve, by as many as there are to be", async (t) => {
  const { workers, lines } = createWorkers(t, {});
  await workers.start();
  let fewest = running();
  cluster.on("exit", () => {
    fewest = Math.min(fewest, running());
  });
  for (const count of [2, 3, 1]) {
    const before = pids();
    assert.equal(await workers.replace(count), true);
    await waitFor(() => running() === count);
    assert.deepEqual(
      pids().filter((pid) => before.includes(pid)),
      [],
    );
  }
  assert.equal(fewest, 1);
  assert.deepEqual(lines(), [], "nobody was missed");
});

test("where a new one does not listen, those before it serve on", async (t) => {
  const { workers, lines } = createWorkers(t, {});
  await workers.start();
  const before = pids();
  process.env["WORKER_DIES"] = "before it listens";
  await assert.rejects(workers.replace(3), {
    message: "Cannot start nexus: its new process ended before it listened (exit status 3)",
  });
  assert.deepEqual(pids(), before);
  assert.deepEqual(lines(), []);
});

test("one that has died before it is replaced is replaced once", async (t) => {
  const { workers } = createWorkers(t, {});
  await workers.start();
  const [first, second] = pids();
  process.kill(first ?? 0, "SIGKILL");
  process.kill(second ?? 0, "SIGKILL");
  await workers.replace(2);
  // Those of the start, and two more at least.
  await waitFor(() => printed.split("starts").length > 4);
  await waitFor(() => running() === 2);
});

test("a close ends a replacement that is under way, and everybody", async (t) => {
  const { workers } = createWorkers(t, {});
  await workers.start();
  const replaced = workers.replace(2);
  await waitFor(() => running() === 3);
  await workers.close();
  assert.equal(await replaced, false);
  await untilGone();
});
