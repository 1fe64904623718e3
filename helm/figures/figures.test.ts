import assert from "node:assert/strict";
import test from "node:test";
import { createTestLog } from "@hivematrix/lib/testing";
import type { ServiceStatus } from "../services/service_status.ts";
import { Figures } from "./figures.ts";
import { countsOf, pushOf } from "./figures_testing.ts";

const begin = Date.UTC(2026, 10, 27, 12);

test("processor time is shared among the time in which it was used, over a restart too", async () => {
  const { sample, figures } = startFigures();
  await sample(0, { pid: 1, cpuSeconds: 100, uptimeSeconds: 500 });
  await sample(30, { pid: 1, cpuSeconds: 106, uptimeSeconds: 530 });
  // A new process, ten seconds old.
  await sample(60, { pid: 2, cpuSeconds: 5, uptimeSeconds: 10 });
  await sample(90, { pid: 2, cpuSeconds: 5, uptimeSeconds: 40 });
  const { cpuPercent } = figures.rangeOf("template", 1);
  const shown = cpuPercent.slice(-4).map((percent) => percent && Math.round(percent));
  // 6 s in 30, then 5 s in the 10 that are known.
  assert.deepEqual(shown, [null, null, 20, 50]);
});

test("a stopped service and the time before Helm are gaps, not zeros", async () => {
  const { sample, figures } = startFigures();
  for (let second = 0; second <= 600; second += 10) {
    const isStopped = second > 200 && second < 400;
    const running = { pid: second < 300 ? 1 : 2, cpuSeconds: second / 10, uptimeSeconds: 1000 };
    await sample(second, isStopped ? {} : running);
  }
  const { cpuPercent, memoryBytes } = figures.rangeOf("template", 1);
  const draw = (points: readonly (number | null)[]) =>
    points.map((point) => (point === null ? "." : "#")).join("");
  // From half a minute before the first sample on.
  assert.equal(draw(memoryBytes.slice(-20)), ".#######......######");
  assert.equal(draw(cpuPercent.slice(-20)), ".#######......######");
  assert.equal(draw(cpuPercent.slice(0, -20)), ".".repeat(100));
});

test("a service that nobody asks has no requests, and is not unknown", async () => {
  const { sample, figures, at } = startFigures();
  await sample(0, { pid: 1, cpuSeconds: 1, uptimeSeconds: 100 });
  assert.equal(figures.trafficOf("template"), undefined);
  for (let second = 1; second <= 61; second += 10) {
    at(second);
    figures.receive(pushOf("a", second, { other: countsOf(second * 2), core: countsOf(second) }));
  }
  const quiet = figures.trafficOf("template");
  assert.deepEqual(
    [quiet?.requestsPerMinute, quiet?.requests, quiet?.latencyP50Ms],
    [0, 0, undefined],
  );
  // Its requests do not come through Nexus, so that none are counted says nothing.
  assert.equal(figures.trafficOf("core"), undefined);
  assert.deepEqual(new Set(figures.rangeOf("core", 1).requestsPerMinute), new Set([null]));
  assert.equal(Math.round(figures.trafficOf("other")?.requestsPerMinute ?? 0), 120);
  // Nexus has told nothing for a minute: it is not known any more.
  at(125);
  assert.equal(figures.trafficOf("template"), undefined);
});

test("errors and latencies are those of the last five minutes", () => {
  const { figures, at } = startFigures();
  const slow = countsOf(50, { server_errors: 50 });
  at(10);
  figures.receive(pushOf("a", 10, { template: slow }));
  for (let second = 20; second <= 600; second += 10) {
    at(second);
    const fast = countsOf(50 + second, { server_errors: 50, client_errors: second / 10 });
    figures.receive(pushOf("a", second, { template: fast }));
  }
  const traffic = figures.trafficOf("template");
  assert.equal(traffic?.serverErrors, 0);
  assert.equal(traffic?.requests, 300);
  assert.equal(traffic?.clientErrors, 30);
  assert.ok(Math.abs((traffic?.latencyP50Ms ?? 0) - 3.5) < 0.1);
});

test("a service that is gone for a day is forgotten", async () => {
  const { sample, figures } = startFigures();
  await sample(0, { pid: 1, cpuSeconds: 1, uptimeSeconds: 100 });
  await sample(25 * 3600, {});
  assert.deepEqual([...figures.services], []);
});

/** Figures whose clock is the test's, and which see one service as the test says. */
function startFigures() {
  let nowMs = begin;
  let seen: Partial<ServiceStatus> = {};
  const status = async () => ({
    address: "",
    environment: "development",
    isDev: false,
    services: [
      { name: "template", state: "ready", restarts: 0, dependencies: [], ...seen } as const,
    ],
  });
  const figures = new Figures({ status }, createTestLog(), () => nowMs);
  figures.sources.restore([]);
  const at = (second: number) => {
    nowMs = begin + second * 1000;
  };
  return {
    figures,
    at,
    async sample(second: number, service: Partial<ServiceStatus>) {
      at(second);
      seen = service.pid === undefined ? {} : { memoryBytes: 5e7, ...service };
      await figures.sample();
    },
  };
}
