import assert from "node:assert/strict";
import test from "node:test";
import { describeUnready, isHopeful } from "./readiness_report.ts";
import type { ServiceState, ServiceStatus } from "./service_status.ts";

const status = (name: string, state: ServiceState, ...dependencies: string[]): ServiceStatus => {
  return { name, state, restarts: 0, dependencies };
};

test("waiting is hopeful as long as a start has not failed", () => {
  assert.equal(isHopeful([status("a", "ready"), status("b", "starting", "a")]), true);
  assert.equal(isHopeful([status("a", "crash-looping"), status("b", "starting")]), true);
  assert.equal(isHopeful([status("a", "unhealthy")]), true);
});

test("waiting is hopeless when all that is left failed or waits for what failed", () => {
  assert.equal(isHopeful([status("a", "crash-looping"), status("b", "ready")]), false);
  assert.equal(isHopeful([status("a", "stopped")]), false);
  const chain = [
    status("c", "starting", "b"),
    status("b", "starting", "a"),
    status("a", "stopped"),
  ];
  assert.equal(isHopeful(chain), false);
});

test("each service that is not ready is named with its reason", () => {
  const services = [
    status("a", "ready"),
    { ...status("b", "crash-looping"), reason: "exit status 1" },
    status("c", "stopped"),
  ];
  assert.equal(
    describeUnready(services),
    "2 of 3 services are not ready: b is crash-looping (exit status 1); c is stopped",
  );
});
