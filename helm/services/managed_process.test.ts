import assert from "node:assert/strict";
import { readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import test from "node:test";
import { spawnProcess } from "./managed_process.ts";
import { pollUntil } from "./pause.ts";
import { isSameProcess, readRunFile } from "./run_file.ts";
import { makeFolder, service } from "./testing.ts";

test("the run file names the process that the program runs in, and goes with it", async (t) => {
  const folder = await makeFolder(t);
  const place = {
    name: "web",
    runDir: path.join(folder, "run"),
    logFile: path.join(folder, "log"),
  };
  const program = "console.log(process.pid); setInterval(() => {}, 1000)";
  const managed = await spawnProcess(await service("web", program), place);
  t.after(() => managed.end("SIGKILL", 0));
  const readPid = async () => Number((await readFile(place.logFile, "utf8")).trim());
  assert.ok(await pollUntil(async () => (await readPid()) === managed.pid, { timeoutMs: 10_000 }));
  const record = await readRunFile(place.runDir, "web");
  assert.ok(record !== undefined && (await isSameProcess(record)));
  assert.equal((await stat(path.join(place.runDir, "web.json"))).mode & 0o777, 0o600);
  assert.equal((await stat(place.logFile)).mode & 0o777, 0o600);
  await managed.end("SIGTERM", 5000);
  // The kernel may show the end a moment before node hears of it.
  await pollUntil(async () => managed.gone.aborted, { timeoutMs: 5000 });
  assert.equal(managed.ending, "killed by SIGTERM");
  assert.equal(await readRunFile(place.runDir, "web"), undefined);
});

test("a process that cannot be noted on disk never becomes the program", async (t) => {
  const folder = await makeFolder(t);
  const runDir = path.join(folder, "run");
  await writeFile(runDir, "a file where the folder should be");
  const trace = path.join(folder, "trace");
  const program = `require("fs").writeFileSync(${JSON.stringify(trace)}, "ran")`;
  const definition = await service("web", program);
  const place = { name: "web", runDir, logFile: path.join(folder, "log") };
  await assert.rejects(spawnProcess(definition, place), /Cannot start web: .*run/);
  await assert.rejects(stat(trace), { code: "ENOENT" });
});
