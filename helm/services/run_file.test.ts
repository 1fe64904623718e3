import assert from "node:assert/strict";
import { readdir, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import test from "node:test";
import { readProcess } from "./process_table.ts";
import {
  isSameProcess,
  listRunFiles,
  readRunFile,
  removeRunFile,
  writeRunFile,
} from "./run_file.ts";
import { makeFolder } from "./testing.ts";

const record = { pid: 4711, startTime: "boot/1", startedAt: "2026-01-01T00:00:00.000Z" };

test("what was noted is found again, by nobody else, and can be removed", async (t) => {
  const runDir = path.join(await makeFolder(t), "run");
  assert.deepEqual(await listRunFiles(runDir), []);
  await writeRunFile(runDir, "web", record);
  assert.deepEqual(await readRunFile(runDir, "web"), record);
  assert.deepEqual(await listRunFiles(runDir), ["web"]);
  assert.equal((await stat(path.join(runDir, "web.json"))).mode & 0o777, 0o600);
  assert.equal((await stat(runDir)).mode & 0o777, 0o700);
  await removeRunFile(runDir, "web");
  await removeRunFile(runDir, "web");
  assert.deepEqual(await readdir(runDir), []);
});

test("a damaged file is none", async (t) => {
  const runDir = await makeFolder(t);
  for (const text of ["", "null", "[]", "{", '{"pid":1,"startTime":"x"}', '{"pid":"7"}']) {
    await writeFile(path.join(runDir, "web.json"), text);
    assert.equal(await readRunFile(runDir, "web"), undefined, text);
  }
});

test("a process is the same only with the same start time", async () => {
  const startTime = (await readProcess(process.pid))?.startTime ?? "";
  assert.equal(await isSameProcess({ pid: process.pid, startTime }), true);
  assert.equal(await isSameProcess({ pid: process.pid, startTime: `${startTime}0` }), false);
  assert.equal(await isSameProcess({ pid: 2 ** 30, startTime }), false);
});
