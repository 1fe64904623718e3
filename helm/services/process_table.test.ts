import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import test from "node:test";
import { pollUntil } from "./pause.ts";
import { parseProcStat, parsePsLine, readProcess, readProcesses } from "./process_table.ts";

test("a process is found with its parent and group, and is gone after its end", async () => {
  const child = spawn("sleep", ["60"], { detached: true, stdio: "ignore" });
  const pid = child.pid ?? 0;
  const entry = await readProcess(pid);
  assert.equal(entry?.pid, pid);
  assert.equal(entry?.parentPid, process.pid);
  assert.equal(entry?.groupId, pid);
  assert.ok((await readProcesses()).some((other) => other.startTime === entry?.startTime));
  child.kill("SIGKILL");
  await once(child, "exit");
  assert.equal(await readProcess(pid), undefined);
});

test("a zombie counts as gone although its pid still answers to signals", async (t) => {
  // The shell starts a child and becomes a program that knows nothing of it and never reaps it.
  const program = 'console.log("up"); setInterval(() => {}, 1000)';
  const parent = spawn(
    "sh",
    ["-c", 'sleep 60 >&- & echo $!; exec "$0" -e "$1"', process.execPath, program],
    {
      stdio: ["ignore", "pipe", "ignore"],
    },
  );
  t.after(() => parent.kill("SIGKILL"));
  let output = "";
  parent.stdout.on("data", (text) => {
    output += text;
  });
  assert.ok(await pollUntil(async () => output.includes("up"), { timeoutMs: 10_000 }));
  const zombie = Number.parseInt(output, 10);
  assert.ok(await readProcess(zombie));
  process.kill(zombie, "SIGKILL");
  const isGone = async () => (await readProcess(zombie)) === undefined;
  assert.ok(await pollUntil(isGone, { timeoutMs: 10_000 }));
  assert.doesNotThrow(() => process.kill(zombie, 0));
});

test("a program's name with blanks and parentheses does not shift the fields", () => {
  const stat = `42 (a) S 1 (x) S 7 42 42 0 -1 4194304 1 0 0 0 250 50 0 0 20 0 1 0 9876 1 1`;
  assert.deepEqual(parseProcStat(stat, "boot"), {
    pid: 42,
    parentPid: 7,
    groupId: 42,
    startTime: "boot/9876",
    cpuSeconds: 3,
  });
});

test("a line of ps is read, with days in the processor time", () => {
  assert.deepEqual(parsePsLine("  42   7  42 Ss   1-02:03:04 Mon Nov 23 20:28:11 2026"), {
    pid: 42,
    parentPid: 7,
    groupId: 42,
    startTime: "Mon Nov 23 20:28:11 2026",
    cpuSeconds: 86_400 + 2 * 3600 + 3 * 60 + 4,
  });
  assert.equal(parsePsLine("42 7 42 Z 0:00.00 Mon Nov 23 20:28:11 2026"), undefined);
  assert.equal(parsePsLine(""), undefined);
});
