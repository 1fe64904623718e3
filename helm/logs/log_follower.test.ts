import assert from "node:assert/strict";
import { join } from "node:path";
import test from "node:test";
import { rotateLog } from "../services/log_rotation.ts";
import { FloodGate } from "./flood_gate.ts";
import { LogChain } from "./log_chain.ts";
import { LogFollower } from "./log_follower.ts";
import { lineAt, startTestLogs } from "./testing.ts";

const chain = new LogChain("a key");

test("a flood is stored up to its limit, and a line says how much was left out", async (t) => {
  const { logDir, write, makeTables, sql, stored } = await startTestLogs(t);
  await makeTables();
  let now = 0;
  const gate = new FloodGate({ linesPerSecond: 100, maxAtOnce: 5000, now: () => now });
  const follower = new LogFollower("core", { logDir, chain, gate });
  const storeAll = async () => {
    while (await follower.storeNext(sql));
  };
  const flood = Array.from({ length: 20_000 }, (_, i) => lineAt(i % 60, `flood ${i}`));
  write("core", ...flood);
  await storeAll();
  now += 2000;
  write("core", lineAt(59, "calm again"));
  await storeAll();
  const lines = await stored("core");
  const [note = "", last] = lines.slice(-2);
  assert.deepEqual(lines.slice(0, -2), flood.slice(0, lines.length - 2));
  assert.ok(lines.length - 2 > 2000 && lines.length - 2 <= 5000, String(lines.length));
  const { message, left_out, level } = JSON.parse(note);
  assert.deepEqual([message, level], ["too many lines at once, not all were stored", "warn"]);
  assert.equal(left_out, flood.length - (lines.length - 2));
  assert.equal(last, lineAt(59, "calm again"));
});

test("lines that rotation took away before they were stored leave a line in their place", async (t) => {
  const { logDir, write, makeTables, sql, stored } = await startTestLogs(t);
  await makeTables();
  const follower = new LogFollower("core", { logDir, chain });
  write("core", lineAt(1, "stored"));
  await follower.storeNext(sql);
  for (const message of ["lost", "kept"]) {
    write("core", lineAt(2, message));
    rotateLog(join(logDir, "core.log"), 1e6);
  }
  while (await follower.storeNext(sql));
  const messages = (await stored("core")).map((line) => JSON.parse(line).message);
  const note = "lines were rotated away before they could be stored";
  assert.deepEqual(messages, ["stored", note, "kept"]);
});
