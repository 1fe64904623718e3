import assert from "node:assert/strict";
import test from "node:test";
import { formatLogLine } from "./log_line.ts";

const line = JSON.stringify({
  time: "2026-11-23T20:41:07.123Z",
  level: "warn",
  service: "core",
  message: "session check failed",
  traceparent: "00-1-2-01",
  status: 503,
});

test("a line of ours is short: time of day, level, message and its own fields", () => {
  assert.equal(formatLogLine(line), "20:41:07 warn  session check failed status=503");
});

test("among several services each line begins with its service", () => {
  const shown = formatLogLine(line, "core", 8);
  assert.equal(shown, "core      20:41:07 warn  session check failed status=503");
});

test("another program's line stays as it is", () => {
  const foreign = "LOG:  database system is ready";
  assert.equal(formatLogLine(foreign), foreign);
  assert.equal(formatLogLine('{"a":1}'), '{"a":1}');
});

test("no line can drive the terminal or pass for two", () => {
  const hostile = "\u001b[2J\u001b]0;owned\u0007evil\r\nINFO all is well\u009b31m";
  assert.equal(formatLogLine(hostile), "evil INFO all is well");
  const ours = JSON.stringify({ message: hostile, field: hostile });
  assert.equal(formatLogLine(ours).trim(), "evil INFO all is well field=evil INFO all is well");
});

test("a line of Keycloak's is as short as ours, its exception named without its stack", () => {
  const keycloak = {
    timestamp: "2026-11-26T20:49:37.912447181Z",
    sequence: 3208,
    loggerName: "org.keycloak.services",
    level: "ERROR",
    message: "Uncaught server error",
    threadName: "executor-thread-1",
    threadId: 15,
    mdc: {},
    ndc: "",
    hostName: "vm",
    processName: "java",
    processId: 20254,
    exception: { refId: 1, exceptionType: "java.io.IOException", message: "gone", frames: [{}] },
  };
  assert.equal(
    formatLogLine(JSON.stringify(keycloak)),
    "20:49:37 error Uncaught server error exception=java.io.IOException: gone",
  );
});

test("an error is its name and its message, without the frames of its stack", () => {
  const error = { name: "HttpError", message: "Not yet", stack: "HttpError: Not yet\n    at x" };
  assert.equal(
    formatLogLine(JSON.stringify({ message: "m", error })).trim(),
    "m error=HttpError: Not yet",
  );
  const plain = JSON.stringify({ message: "m", owner: { name: "ada", message: 1 } });
  assert.equal(formatLogLine(plain).trim(), 'm owner={"name":"ada","message":1}');
});
