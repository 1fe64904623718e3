import assert from "node:assert/strict";
import test from "node:test";
import { createTestLog } from "@hivematrix/lib/testing";
import type { ServiceStatus } from "../services/service_status.ts";
import { Figures } from "./figures.ts";
import { countsOf, pushOf } from "./figures_testing.ts";
import { metricsText } from "./metrics.ts";
import { parseMetrics } from "./metrics_testing.ts";
import { PrometheusText } from "./prometheus_text.ts";

const services: ServiceStatus[] = [
  {
    name: "template",
    state: "ready",
    pid: 4711,
    startedAt: "2026-11-27T11:00:00.000Z",
    processes: 2,
    memoryBytes: 81_500_000,
    cpuSeconds: 12.5,
    restarts: 3,
    dependencies: [],
  },
  { name: "core", state: "crash-looping", restarts: 7, dependencies: [] },
];

test("every metric has its help and type, and a service its state, usage and requests", () => {
  const figures = new Figures({ status: async () => assert.fail() }, createTestLog());
  const counts = countsOf(20, { client_errors: 2, server_errors: 1, open_websockets: 4 });
  figures.receive(pushOf("a", 0, { template: counts }));
  for (const report of figures.sources.restore([])) figures.enter(report);
  const metrics = parseMetrics(metricsText({ services }, figures));
  const readValue = (name: string, labels: Record<string, string>, sample = name) =>
    metrics
      .get(name)
      ?.samples.find(
        (each) =>
          each.name === sample &&
          Object.entries(labels).every(([key, value]) => each.labels[key] === value),
      )?.value;

  const template = { service: "template" };
  assert.equal(readValue("hivematrix_service_up", template), 1);
  assert.equal(readValue("hivematrix_service_up", { service: "core" }), 0);
  const looping = { service: "core", state: "crash-looping" };
  assert.equal(readValue("hivematrix_service_state", looping), 1);
  assert.equal(readValue("hivematrix_service_state", { ...looping, state: "ready" }), 0);
  assert.equal(readValue("hivematrix_service_restarts_total", { service: "core" }), 7);
  assert.equal(readValue("hivematrix_service_cpu_seconds_total", template), 12.5);
  assert.equal(readValue("hivematrix_service_resident_memory_bytes", template), 81_500_000);
  assert.equal(readValue("hivematrix_service_requests_total", template), 20);
  const errors = "hivematrix_service_request_errors_total";
  assert.equal(readValue(errors, { ...template, class: "client" }), 2);
  assert.equal(readValue(errors, { ...template, class: "server" }), 1);
  assert.equal(readValue("hivematrix_service_open_websockets", template), 4);
  const duration = "hivematrix_service_request_duration_seconds";
  assert.equal(readValue(duration, { ...template, le: "0.002" }, `${duration}_bucket`), 0);
  assert.equal(readValue(duration, { ...template, le: "0.005" }, `${duration}_bucket`), 20);
  assert.equal(readValue(duration, template, `${duration}_sum`), 0.06);
  assert.ok((readValue("process_resident_memory_bytes", {}) ?? 0) > 1e7);
});

test("what a label or a help text holds cannot end it", () => {
  const text = new PrometheusText();
  const label = 'a\\"b"\nc{d="e"}';
  text.metric("odd", "gauge", "one\nline \\ only", [{ labels: { label }, value: 1 }]);
  const metric = parseMetrics(text.toString()).get("odd");
  assert.equal(metric?.help, "one\\nline \\\\ only");
  assert.deepEqual(metric?.samples, [{ name: "odd", labels: { label }, value: 1 }]);
});
