import assert from "node:assert/strict";
import test from "node:test";
import { stripVTControlCharacters } from "node:util";
import type { ServiceStatus } from "../services/service_status.ts";
import { statusTable } from "./status_table.ts";

const services: ServiceStatus[] = [
  {
    name: "postgres",
    state: "ready",
    pid: 4711,
    port: 5432,
    uptimeSeconds: 3 * 3600 + 300,
    memoryBytes: 38_400_000,
    cpuPercent: 1.26,
    restarts: 0,
    dependencies: [],
  },
  {
    name: "core",
    state: "crash-looping",
    port: 5000,
    reason: "exit status 1, last log line: Cannot start core: PORT is missing",
    restarts: 3,
    dependencies: ["postgres"],
  },
];

test("the table has a row for each service, and below it why it is not ready", () => {
  assert.equal(
    statusTable(services, { isColoured: false }),
    `SERVICE   STATE          PID   PORT  UPTIME     MEMORY   CPU
postgres  ready          4711  5432  3 h 5 min  38.4 MB  1.3 %
core      crash-looping  -     5000  -          -        -
  exit status 1, last log line: Cannot start core: PORT is missing`,
  );
});

test("colours change nothing but the colour", () => {
  const coloured = statusTable(services, { isColoured: true });
  assert.ok(coloured.includes("\u001b[31mcrash-looping"));
  assert.equal(stripVTControlCharacters(coloured), statusTable(services, { isColoured: false }));
});

test("--wide adds the requests, and leaves out what does not fit the terminal", () => {
  const [postgres] = services;
  assert.ok(postgres);
  const traffic = {
    requestsPerMinute: 1234,
    requests: 200,
    clientErrors: 7,
    serverErrors: 1,
    latencyP50Ms: 2.04,
    latencyP95Ms: 1500,
    latencyP99Ms: 2000,
    open: { requests: 2, websockets: 3 },
  };
  const wide = [{ ...postgres, name: "notes", traffic }, postgres];
  assert.equal(
    statusTable(wide, { isColoured: false, isWide: true, width: 80 }),
    `SERVICE   STATE  UPTIME     MEMORY   CPU    REQ/MIN  FAILED  P50   P95    OPEN
notes     ready  3 h 5 min  38.4 MB  1.3 %  1,234    0.5 %   2 ms  1.5 s  5
postgres  ready  3 h 5 min  38.4 MB  1.3 %  -        -       -     -      -`,
  );
  const all = statusTable(wide, { isColoured: false, isWide: true, width: 120 });
  assert.match(all, /^SERVICE +STATE +PID +PORT +UPTIME.* OPEN$/m);
});
