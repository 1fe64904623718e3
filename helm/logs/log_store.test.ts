import assert from "node:assert/strict";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { waitFor } from "@hivematrix/lib/wait_for";
import { rotateLog } from "../services/log_rotation.ts";
import { everything, lineAt, startTestLogs } from "./testing.ts";

test("every service's lines are stored as they were written, with what can be read of them", async (t) => {
  const { write, startStore, stored, waitForLines, sql } = await startTestLogs(t);
  const traceparent = `00-${"ab".repeat(16)}-${"cd".repeat(8)}-01`;
  const own = lineAt(1, "refused", {
    level: "warn",
    request_id: "abcdef12",
    traceparent,
    sub: "ada",
  });
  const foreign = "2026-11-23 20:41:02.500 UTC [7] ERROR:  no such table";
  write("core", own, "    at further (line)");
  write("postgres", foreign, "STATEMENT:  select");
  startStore();
  await waitForLines(4);
  assert.deepEqual(await stored("core"), [own, "    at further (line)"]);
  assert.deepEqual(await stored("postgres"), [foreign, "STATEMENT:  select"]);
  const rows = await sql`
    select service, level, request_id, trace_id, user_id, at, search from log_lines order by service, id`;
  assert.deepEqual(
    rows.map(({ service, level, request_id, user_id }) => [service, level, request_id, user_id]),
    [
      ["core", 30, "abcdef12", "ada"],
      ["core", 30, "abcdef12", "ada"],
      ["postgres", 40, null, null],
      ["postgres", 40, null, null],
    ],
  );
  assert.equal(rows[0]?.["trace_id"], "ab".repeat(16));
  assert.equal(rows[2]?.["at"].toISOString(), "2026-11-23T20:41:02.500Z");
});

test("a line with NUL, broken UTF-8 or a lone surrogate is stored all the same", async (t) => {
  const { logDir, startStore, stored, waitForLines, write } = await startTestLogs(t);
  const bytes = Buffer.concat([
    Buffer.from("a\0b "),
    Buffer.from([0xff, 0xc3]),
    Buffer.from(" c\n"),
  ]);
  appendFileSync(join(logDir, "core.log"), bytes);
  write("core", '{"message":"\\ud800 \\u0000","request_id":"\\udfff\\u0000abcdef"}');
  startStore();
  await waitForLines(2);
  assert.equal((await stored("core"))[0], "a\ufffdb \ufffd\ufffd c");
});

test("a new Helm goes on where the last one was: no line is lost, none doubled", async (t) => {
  const { logDir, write, startStore, stored, waitForLines } = await startTestLogs(t);
  const lines = Array.from({ length: 30 }, (_, i) => lineAt(i, `line ${i}`));
  write("core", ...lines.slice(0, 10));
  const first = startStore();
  await waitForLines(10);
  await first.close();
  write("core", ...lines.slice(10, 15));
  rotateLog(join(logDir, "core.log"), 1e6);
  write("core", ...lines.slice(15, 20));
  const second = startStore();
  await waitForLines(20);
  await second.close();
  write("core", ...lines.slice(20));
  startStore();
  await waitForLines(30);
  assert.deepEqual(await stored("core"), lines);
});

test("two that store the same files put no line in twice", async (t) => {
  const { write, startStore, stored, waitForLines } = await startTestLogs(t);
  const lines = Array.from({ length: 200 }, (_, i) => lineAt(i % 60, `line ${i}`));
  startStore();
  startStore();
  for (const line of lines) {
    write("core", line);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await waitForLines(200);
  assert.deepEqual(await stored("core"), lines);
});

test("while the database is away lines stay in the files, and are stored when it is back", async (t) => {
  const { write, startStore, stored, postgres, log } = await startTestLogs(t, { own: true });
  const store = startStore();
  write("core", lineAt(1, "before"));
  await waitFor(async () => (await stored("core").catch(() => [])).length === 1);
  await postgres.kill();
  write("core", lineAt(2, "meanwhile"));
  await waitFor(() => log.lines.some((line) => line.includes("logs stay in their files for now")));
  await assert.rejects(store.search(everything));
  await postgres.restart();
  await waitFor(async () => (await stored("core").catch(() => [])).length === 2, {
    timeoutMs: 20_000,
  });
  assert.deepEqual(await stored("core"), [lineAt(1, "before"), lineAt(2, "meanwhile")]);
  await waitFor(() => log.lines.some((line) => line.includes("logs are stored again")));
});
