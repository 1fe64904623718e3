import assert from "node:assert/strict";
import test from "node:test";
import { stripVTControlCharacters } from "node:util";
import type { ServiceStatus } from "../services/service_status.ts";
import { hasColours, statusTable, welcome } from "./output.ts";

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

test("colours are for a terminal whose owner wants them", () => {
  assert.equal(hasColours({ isTTY: true }, {}), true);
  assert.equal(hasColours({ isTTY: true }, { NO_COLOR: "1" }), false);
  assert.equal(hasColours({ isTTY: true }, { TERM: "dumb" }), false);
  assert.equal(hasColours({}, {}), false);
});

test("only the well-known password of a development installation is printed", () => {
  const address = "https://hive.example.org";
  const welcomed = (environment: string, password: string) =>
    welcome({ address, environment }, { username: "admin", password }).join("\n");
  assert.match(welcomed("development", "admin"), /the password "admin"/);
  assert.doesNotMatch(welcomed("development", "hunter22"), /hunter22/);
  assert.doesNotMatch(welcomed("production", "hunter22"), /hunter22/);
  assert.match(welcomed("production", "admin"), /https:\/\/hive\.example\.org/);
});
