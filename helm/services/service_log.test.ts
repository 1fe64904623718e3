import assert from "node:assert/strict";
import { appendFile, writeFile } from "node:fs/promises";
import path from "node:path";
import test from "node:test";
import { endOfLog, findReason, readReason } from "./service_log.ts";
import { makeFolder } from "./testing.ts";

const cases: Record<string, [text: string, reason: string | undefined]> = {
  "the message of a JSON line": [
    '{"level":"info","message":"starting"}\n{"level":"error","message":"PORT is missing"}\n',
    "PORT is missing",
  ],
  "an error rather than what follows it": [
    '{"level":"error","message":"no database"}\n{"level":"info","message":"stopped"}\n',
    "no database",
  ],
  "Keycloak's reason, not its advice": [
    `{"level":"ERROR","message":"ERROR: Unable to start HTTP server"}
{"level":"ERROR","message":"ERROR: Address already in use"}
{"level":"ERROR","message":"For more details run the same command passing the '--verbose' option."}\n`,
    "ERROR: Address already in use",
  ],
  "the last line when none is an error": ["one\ntwo\n\n", "two"],
  "the title of an uncaught error, not its stack": [
    `file:///a/main.ts:3\nthrow new Error("x");\n^\n\nTypeError: y is not a function
    at main (file:///a/main.ts:3:7)\n    at node:internal/main:1:1 {\n  code: 'X'\n}\n\nNode.js v20.20.2\n`,
    "TypeError: y is not a function",
  ],
  "PostgreSQL's FATAL line": [
    `2026-01-01 10:00:00 UTC [7] FATAL:  could not create lock file
2026-01-01 10:00:00 UTC [7] LOG:  database system is shut down\n`,
    "2026-01-01 10:00:00 UTC [7] FATAL:  could not create lock file",
  ],
  "Python's exception": [
    'Traceback (most recent call last):\n  File "app.py", line 1\nModuleNotFoundError: No module\n',
    "ModuleNotFoundError: No module",
  ],
  "a missing program": ["/bin/sh: 1: exec: nope: not found\n", "/bin/sh: 1: exec: nope: not found"],
  "a line without its control characters": [
    "\u001b[31mError: red\u001b[0m\u0007 alert\r\n",
    "Error: red alert",
  ],
  "nothing when nothing was said": ["\n\n", undefined],
};

for (const [name, [text, reason]] of Object.entries(cases)) {
  test(`a reason is ${name}`, () => assert.equal(findReason(text), reason));
}

test("a reason is at most 300 characters long", () => {
  assert.equal(findReason("x".repeat(5000))?.length, 300);
});

test("only what the last process wrote is read, also from a long or rotated log", async (t) => {
  const file = path.join(await makeFolder(t), "web.log");
  assert.equal(await readReason(file), undefined);
  await writeFile(file, `Error: of the former process\n${"x\n".repeat(100_000)}`);
  const start = await endOfLog(file);
  assert.equal(await readReason(file, start), undefined);
  await appendFile(file, "of this process\n");
  assert.equal(await readReason(file, start), "of this process");
  await writeFile(file, "after the rotation\n");
  assert.equal(await readReason(file, start), "after the rotation");
});
