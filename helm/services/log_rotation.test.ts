import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { open, readdir, readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import test from "node:test";
import { createTestLog } from "@hivematrix/lib/testing";
import { LogRotation, rotateLog } from "./log_rotation.ts";
import { pollUntil } from "./pause.ts";
import { answering, createManager, makeFolder, service, statusOf } from "./testing.ts";

test("a rotated log is empty and its end is kept as .1", async (t) => {
  const file = path.join(await makeFolder(t), "web.log");
  await writeFile(file, "early line\nlate line\n");
  rotateLog(file, 10);
  assert.equal(await readFile(file, "utf8"), "");
  assert.equal(await readFile(`${file}.1`, "utf8"), "late line\n");
  assert.equal((await stat(`${file}.1`)).mode & 0o777, 0o600);
});

test("what is written faster than it can be copied is lost, and a line says how much", async (t) => {
  const file = path.join(await makeFolder(t), "web.log");
  const log = await open(file, "a");
  const writer = spawn("yes", ["word"], { stdio: ["ignore", log.fd, "ignore"] });
  t.after(async () => {
    writer.kill("SIGKILL");
    await once(writer, "exit");
    await log.close();
  });
  const noteOfLoss = /^\{.*"warn","service":"web","message":"written faster .*: \d+ bytes.*\}$/m;
  const hasLost = async () => {
    rotateLog(file, 10_000);
    return noteOfLoss.test(await readFile(`${file}.1`, "utf8"));
  };
  assert.ok(await pollUntil(hasLost, { timeoutMs: 20_000, firstMs: 1, longestMs: 1 }));
});

test("a log below the limit and files that are no logs are left alone", async (t) => {
  const logDir = await makeFolder(t);
  await writeFile(path.join(logDir, "small.log"), "x");
  await writeFile(path.join(logDir, "data.txt"), "x".repeat(1000));
  await writeFile(path.join(logDir, "big.log"), "x".repeat(1000));
  const rotation = new LogRotation({ logDir, maxBytes: 100, log: createTestLog() });
  t.after(() => rotation.close());
  const hasRotated = async () => (await readdir(logDir)).includes("big.log.1");
  assert.ok(await pollUntil(hasRotated, { timeoutMs: 5000 }));
  assert.deepEqual((await readdir(logDir)).sort(), [
    "big.log",
    "big.log.1",
    "data.txt",
    "small.log",
  ]);
});

test("a service that writes without end stays under the cap and keeps running", async (t) => {
  const totalBytes = 50e6;
  const maxLogBytes = 2e6;
  const program = `${answering}
    const block = ("x".repeat(1023) + "\\n").repeat(16);
    let left = ${totalBytes};
    setInterval(() => left > 0 && process.stdout.write(block) && (left -= block.length), 1);`;
  const { manager, logDir } = await createManager(t, [await service("noisy", program)], {
    maxLogBytes,
  });
  await manager.startAll();
  await manager.waitUntilReady();
  let written = 0;
  let peakBytes = 0;
  let formerBytes = 0;
  const isWritten = async () => {
    const { size } = await stat(path.join(logDir, "noisy.log"));
    written += size < formerBytes ? formerBytes : 0;
    formerBytes = size;
    peakBytes = Math.max(peakBytes, size);
    return written + size > totalBytes / 2;
  };
  assert.ok(await pollUntil(isWritten, { timeoutMs: 30_000, firstMs: 1, longestMs: 1 }));
  assert.ok(peakBytes < 10 * maxLogBytes, `${peakBytes} bytes`);
  assert.equal((await statusOf(manager, "noisy")).restarts, 0);
});
