import assert from "node:assert/strict";
import { test } from "node:test";
import type { LogLine } from "./log_search.ts";
import { findRequests, traceRequest } from "./request_trace.ts";

const startMs = Date.parse("2026-11-26T21:01:51.000Z");
const trace = "f28e68af70185cedfb64032307a56936";

function line(service: string, afterMs: number, fields: object): LogLine {
  const atMs = startMs + afterMs;
  const time = new Date(atMs).toISOString();
  const traceparent = `00-${trace}-819d1a9df0658059-01`;
  const record = { time, level: "info", service, message: "request", traceparent, ...fields };
  return { service, atMs, line: JSON.stringify(record) };
}

const answered = (request_id: string, path: string, duration_ms: number) => ({
  ...{ request_id, method: "GET", path, status: 200, duration_ms },
});

const lines = [
  line("notes", 30, { request_id: "aaaaaa11", level: "warn", message: "slow query" }),
  line("notes", 60, answered("aaaaaa11", "/api/data", 40)),
  line("billing", 70, answered("aaaaaa11", "/", 60)),
  line("nexus", 80, answered("aaaaaa11", "/billing/", 80)),
  line("nexus", 90, { ...answered("aaaaaa22", "/other/", 5), traceparent: "" }),
];

test("each service's part comes in the order of its beginning, with what else was logged", () => {
  const found = traceRequest(lines, "aaaaaa11");
  assert.equal(found?.traceId, trace);
  assert.deepEqual(
    found?.spans.map(({ service, startMs: at, durationMs }) => [service, at - startMs, durationMs]),
    [
      ["nexus", 0, 80],
      ["billing", 10, 60],
      ["notes", 20, 40],
    ],
  );
  assert.deepEqual(found?.notes, [lines[0]]);
});

test("a request is found by the beginning of its id or of its trace, each one once", () => {
  assert.deepEqual(findRequests(lines, "aaaaaa1"), ["aaaaaa11"]);
  assert.deepEqual(findRequests(lines, "aaaaaa"), ["aaaaaa11", "aaaaaa22"]);
  assert.deepEqual(findRequests(lines, trace.slice(0, 8)), ["aaaaaa11"]);
  assert.deepEqual(findRequests(lines, "bbbbbb"), []);
  assert.equal(traceRequest(lines, "bbbbbb"), undefined);
});
