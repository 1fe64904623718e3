import assert from "node:assert/strict";
import { appendFile, mkdir, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { waitFor } from "@hivematrix/lib/wait_for";
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

test("what is written between the last lines and the following is in one of them, not in both", async (t) => {
  const { logDir, file } = await makeLog(t);
  await writeFile(file, "old\n");
  const ends = logEnds(logDir, ["core"]);
  await appendFile(file, "between\n");
  assert.deepEqual(await readLastLines(logDir, "core", 10, ends.get("core")), ["old"]);
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
  const line = `${"a".repeat(64 * 1024 - 1)}é`; // read in pieces of 64 KiB
  await writeFile(file, `${line}\n`);
  await waitFor(() => seen.length > 0);
  assert.equal(seen[0], `core ${line}`);
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
