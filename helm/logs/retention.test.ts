import assert from "node:assert/strict";
import test from "node:test";
import { LogChain } from "./log_chain.ts";
import { prune } from "./retention.ts";
import { lineAt, startTestLogs } from "./testing.ts";

const unbounded = { days: 14, maxLines: 1e9, maxBytes: 1e12 };

test("what is too old goes, and what is too much goes from whoever has the most", async (t) => {
  const { write, startStore, waitForLines, sql, stored } = await startTestLogs(t);
  const many = Array.from({ length: 3500 }, (_, i) => lineAt(i % 60, `line ${i}`));
  write("nexus", ...many);
  write("core", lineAt(1, "one of few"));
  write("template", lineAt(1, "an old one"));
  startStore();
  await waitForLines(3502);
  const chain = new LogChain("another key would do here");
  assert.equal(await prune(sql, chain, unbounded), 0);
  await sql`update log_batches set began_at = now() - interval '15 days' where service = 'template'`;
  assert.equal(await prune(sql, chain, unbounded), 1);
  assert.deepEqual(await stored("template"), []);
  await prune(sql, chain, { ...unbounded, maxLines: 2000 });
  const left = await stored("nexus");
  assert.ok(left.length > 0 && left.length <= 2000, String(left.length));
  assert.deepEqual(left, many.slice(-left.length));
  assert.equal((await stored("core")).length, 1);
});

test("a service whose lines have all gone is stored on as before", async (t) => {
  const { write, startStore, waitForLines, sql, stored } = await startTestLogs(t);
  write("core", lineAt(1, "old"));
  startStore();
  await waitForLines(1);
  await prune(sql, new LogChain("key"), { ...unbounded, maxLines: 0 });
  write("core", lineAt(2, "new"));
  await waitForLines(1);
  assert.deepEqual(await stored("core"), [lineAt(2, "new")]);
});
