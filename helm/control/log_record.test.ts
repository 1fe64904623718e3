import assert from "node:assert/strict";
import { test } from "node:test";
import { readLogRecord } from "./log_record.ts";

const atMs = Date.parse("2026-11-26T21:01:51.167Z");

test("a line of ours says when, how much it matters, and which request it belongs to", () => {
  const record = readLogRecord(
    '{"time":"2026-11-26T21:01:51.167Z","level":"warn","service":"core","message":"x","request_id":"1a87","traceparent":"00-f28e68af70185cedfb64032307a56936-819d1a9df0658059-01"}',
  );
  assert.equal(record?.atMs, atMs);
  assert.equal(record?.level, "warn");
  assert.equal(record?.requestId, "1a87");
  assert.equal(record?.traceId, "f28e68af70185cedfb64032307a56936");
});

test("the levels of Python, Keycloak and others are ours under another name", () => {
  const level = (name: unknown) =>
    readLogRecord(
      JSON.stringify({ timestamp: "2026-11-26T21:01:51.167Z", level: name, message: "" }),
    )?.level;
  assert.deepEqual(
    ["WARNING", "WARN", "CRITICAL", "FATAL", "TRACE", "INFO", "constructor", undefined].map(level),
    ["warn", "warn", "error", "error", "debug", "info", "info", "info"],
  );
});

test("PostgreSQL's lines have a time and a level, what explains them belongs to them", () => {
  const line = (severity: string) => `2026-11-26 21:01:51.167 UTC [101] ${severity}:  some words`;
  assert.equal(readLogRecord(line("LOG"))?.atMs, atMs);
  assert.deepEqual(
    ["LOG", "WARNING", "ERROR", "FATAL", "PANIC"].map((name) => readLogRecord(line(name))?.level),
    ["info", "warn", "error", "error", "error"],
  );
  assert.equal(readLogRecord("2026-11-26 21:01:51.167 UTC [101] a@b FATAL:  x")?.level, "error");
  for (const name of ["DETAIL", "HINT", "STATEMENT"]) {
    assert.equal(readLogRecord(line(name)), undefined);
  }
});

test("what says nothing of itself belongs to the line before it", () => {
  for (const line of [
    "    at Server.emit (node:events:536:35)",
    "",
    "{",
    '{"a":1}',
    "Traceback:",
  ]) {
    assert.equal(readLogRecord(line), undefined, line);
  }
  assert.equal(readLogRecord('{"message":"without a time"}')?.atMs, undefined);
});
