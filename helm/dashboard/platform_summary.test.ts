import assert from "node:assert/strict";
import test from "node:test";
import type { ServiceStatus } from "../services/service_status.ts";
import { summarise } from "./platform_summary.ts";

test("a sentence says whether all is well, and what is not", () => {
  const sentenceOf = (...statuses: readonly Partial<ServiceStatus>[]) => {
    const { kind, sentence } = summarise(
      statuses.map((status) => ({ status: make(status), traffic: undefined })),
    );
    return [kind, sentence];
  };
  assert.deepEqual(sentenceOf({}, {}), ["success", "All 2 services are ready."]);
  const looping = { name: "notes", state: "crash-looping", reason: "exit status 1" } as const;
  assert.deepEqual(sentenceOf({}, looping), ["error", "notes is crash-looping: exit status 1."]);
  const stopped = { name: "codex", state: "stopped" } as const;
  assert.deepEqual(sentenceOf({}, stopped), ["info", "codex is stopped."]);
  const starting = { name: "core", state: "starting", activity: "waiting for postgres" } as const;
  assert.deepEqual(sentenceOf(starting, stopped, {}), [
    "warning",
    "2 of 3 services are not ready: core is starting: waiting for postgres; codex is stopped.",
  ]);
  // Ready, but with something to say: its last restart did not come about.
  assert.equal(sentenceOf({ reason: "the new process ended" })[0], "success");
});

test("its figures are the sums over all services", () => {
  const traffic = {
    requestsPerMinute: 30,
    requests: 150,
    clientErrors: 0,
    serverErrors: 3,
    open: { requests: 0, websockets: 0 },
  };
  const status = make({ cpuPercent: 1.5, memoryBytes: 5e7 });
  const summary = summarise([
    { status, traffic },
    { status, traffic: { ...traffic, serverErrors: 0 } },
    { status: make({ state: "stopped" }), traffic: undefined },
  ]);
  const { cpu, memory, requests, errors } = summary;
  assert.deepEqual([cpu, memory, requests, errors], ["3 %", "100.0 MB", "60", "1 %"]);
});

function make(status: Partial<ServiceStatus>): ServiceStatus {
  return { name: "a", state: "ready", restarts: 0, dependencies: [], ...status };
}
