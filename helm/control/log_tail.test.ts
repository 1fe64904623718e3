import assert from "node:assert/strict";
import { appendFileSync } from "node:fs";
import { appendFile, copyFile, mkdir, rename, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { waitFor } from "@hivematrix/lib/wait_for";
import { rotateLog } from "../services/log_rotation.ts";
import { makeCheckout } from "../testing.ts";
import { followLogs, logEnds, readLastLines } from "./log_tail.ts";

test("the last lines come oldest first, however long the log is", async (t) => {
  const { logDir, file } = await makeLog(t);
  const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i} ${"é".repeat(20)}`);
  await writeFile(file, `${lines.join("\n")}\n`);
  assert.deepEqual(await readLastLines(logDir, "core", 3000), lines.slice(-3000));
  assert.deepEqual(await readLastLines(logDir, "core", 30_000), lines);
});

test("what rotation moved away is read too", async (t) => {
  const { logDir, file } = await makeLog(t);
  await writeFile(`${file}.1`, "a\nb\n");
  await writeFile(file, "c\nd");
  assert.deepEqual(await readLastLines(logDir, "core", 3), ["b", "c", "d"]);
});

test("a service that never wrote has no lines, a name that is no service's is refused", async (t) => {
  const { logDir } = await makeLog(t);
  assert.deepEqual(await readLastLines(logDir, "nexus", 10), []);
  await assert.rejects(readLastLines(logDir, "../configs/master_config", 10), /is no name of a/);
});

test("following shows whole lines as they are written, and goes on after a rotation", async (t) => {
  const { logDir, file } = await makeLog(t);
  await writeFile(file, "before\n");
  const { seen } = follow(t, logDir);
  await appendFile(file, "one\ntw");
  await waitFor(() => seen.includes("core one"));
  await appendFile(file, "o\n");
  await waitFor(() => seen.includes("core two"));
  await truncate(file, 0); // as rotation does
  await appendFile(file, "new\n");
  await waitFor(() => seen.includes("core new"));
  await writeFile(join(logDir, "nexus.log"), "first words\n");
  await waitFor(() => seen.includes("nexus first words"));
  assert.deepEqual(seen, ["core one", "core two", "core new", "nexus first words"]);
});

test("what rotation has moved away before it was read is read from its copy", async (t) => {
  const { logDir, file } = await makeLog(t);
  await writeFile(file, "before\n");
  const { seen } = follow(t, logDir);
  await appendFile(file, "one\n");
  await waitFor(() => seen.includes("core one"));
  // In one go, so that nobody has read the two before.
  appendFileSync(file, "two\nthree\n");
  rotateLog(file, 1000);
  appendFileSync(file, "four, which is longer than all that was there before\n");
  await waitFor(() => seen.at(-1)?.startsWith("core four"));
  assert.deepEqual(seen.slice(0, 3), ["core one", "core two", "core three"]);
  assert.equal(seen.length, 4);
});

test("where rotation took lines away before they were read, a line says so", async (t) => {
  const { logDir, file } = await makeLog(t);
  await writeFile(file, "before\n");
  const { seen } = follow(t, logDir);
  for (const name of ["one", "two"]) {
    appendFileSync(file, `${name}\n`);
    rotateLog(file, 1000);
  }
  await waitFor(() => seen.includes("core two"));
  assert.match(seen[0] ?? "", /^core \{.*"warn".*"lines were rotated away before/);
  assert.equal(seen.length, 2);
});

test("a log that another process rotates is shown once, also while its copy has no name yet", async (t) => {
  const { logDir, file } = await makeLog(t);
  await writeFile(file, "before\n");
  const { seen } = follow(t, logDir);
  await appendFile(file, "one\n");
  await waitFor(() => seen.includes("core one"));
  appendFileSync(file, "two\n");
  await copyFile(file, `${file}.1.new`);
  await truncate(file, 0);
  await appendFile(file, "three, which is longer than all that was there before\n");
  await pause(50); // Longer than it takes: the follower has been told of the emptying by now.
  await rename(`${file}.1.new`, `${file}.1`);
  await waitFor(() => seen.length === 3);
  assert.deepEqual(seen.slice(0, 2), ["core one", "core two"]);
});

test("what is written between the last lines and the following is in one of them, not in both", async (t) => {
  const { logDir, file } = await makeLog(t);
  await writeFile(file, "old\n");
  const ends = logEnds(logDir, ["core"]);
  await appendFile(file, "between\n");
  assert.deepEqual(await readLastLines(logDir, "core", 10, ends.get("core")?.offset), ["old"]);
  const seen: string[] = [];
  const stopping = new AbortController();
  const done = followLogs(logDir, ends, (_, line) => seen.push(line), stopping.signal);
  await waitFor(() => seen.length > 0);
  stopping.abort();
  await done;
  assert.deepEqual(seen, ["between"]);
});

test("a character on the border of two reads comes out whole", async (t) => {
  const { logDir, file } = await makeLog(t);
  const { seen } = follow(t, logDir);
  const line = `${"a".repeat(48 * 1024 - 2)}é`; // two of them and their ends: read in pieces of 96 KiB
  await writeFile(file, `${line}\n`.repeat(3));
  await waitFor(() => seen.length === 3);
  assert.ok(seen.every((each) => each === `core ${line}`));
});

function follow(t: TestContext, logDir: string): { seen: string[] } {
  const seen: string[] = [];
  const stopping = new AbortController();
  const onLine = (name: string, line: string) => seen.push(`${name} ${line}`);
  const done = followLogs(logDir, logEnds(logDir, ["core", "nexus"]), onLine, stopping.signal);
  t.after(async () => {
    stopping.abort();
    await done;
  });
  return { seen };
}

async function makeLog(t: TestContext): Promise<{ logDir: string; file: string }> {
  const { logDir } = await makeCheckout(t);
  await mkdir(logDir, { recursive: true });
  return { logDir, file: join(logDir, "core.log") };
}

test("a line that does not end is cut instead of kept whole", async (t) => {
  const { logDir, file } = await makeLog(t);
  await writeFile(file, "");
  const { seen } = follow(t, logDir);
  await appendFile(file, "x".repeat(1_000_000));
  await appendFile(file, "\nnext\n");
  await waitFor(() => seen.includes("core next"));
  assert.ok((seen[0]?.length ?? 0) < 150_000, String(seen[0]?.length));
});
