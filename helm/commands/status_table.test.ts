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
    statusTable(services, false),
    `SERVICE   STATE          PID   PORT  UPTIME     MEMORY
postgres  ready          4711  5432  3 h 5 min  38.4 MB
core      crash-looping  -     5000  -          -
  exit status 1, last log line: Cannot start core: PORT is missing`,
  );
});

test("colours change nothing but the colour", () => {
  const coloured = statusTable(services, true);
  assert.ok(coloured.includes("\u001b[31mcrash-looping"));
  assert.equal(stripVTControlCharacters(coloured), statusTable(services, false));
});
