import assert from "node:assert/strict";
import test from "node:test";
import type { LogQuery } from "./log_query.ts";
import type { LogStore } from "./log_store.ts";
import { type FoundPage, searchStored } from "./stored_search.ts";
import { everything, lineAt, startTestLogs } from "./testing.ts";
import { ensureTextIndex } from "./text_index.ts";

test("lines are found by text, level, service, time, request and trace, the newest first", async (t) => {
  const { write, startStore, waitForLines } = await startTestLogs(t);
  const traceparent = `00-${"ab".repeat(16)}-${"cd".repeat(8)}-01`;
  write("core", lineAt(1, "started"), lineAt(4, "Refused 50%_x", { level: "warn", status: 503 }));
  write(
    "nexus",
    lineAt(2, "request", { request_id: "abcdef123456", path: "/Notes/1", traceparent }),
  );
  write(
    "template",
    lineAt(3, "request", { request_id: "abcdef123456", path: "/1", level: "error" }),
  );
  const store = startStore();
  await waitForLines(4);
  const find = (query: Partial<LogQuery>) => search(store, query);
  assert.deepEqual(await find({}), ["4 core", "3 template", "2 nexus", "1 core"]);
  assert.deepEqual(await find({ text: "notes/" }), ["2 nexus"]);
  assert.deepEqual(await find({ text: "50%_X status=503" }), ["4 core"]);
  assert.deepEqual(await find({ text: '"status":503' }), ["4 core"]);
  assert.deepEqual(await find({ text: "5_%" }), []);
  assert.deepEqual(await find({ text: "abcdef12" }), ["3 template", "2 nexus"]);
  assert.deepEqual(await find({ level: "warn" }), ["4 core", "3 template"]);
  assert.deepEqual(await find({ level: "error", services: ["core"] }), []);
  assert.deepEqual(await find({ services: ["core", "nexus"] }), ["4 core", "2 nexus", "1 core"]);
  const [sinceMs, untilMs] = [2, 3].map((second) => Date.UTC(2026, 10, 23, 20, 41, second));
  assert.deepEqual(await find({ sinceMs, untilMs }), ["3 template", "2 nexus"]);
  assert.deepEqual(await find({ request: "abcdef1" }), ["3 template", "2 nexus"]);
  assert.deepEqual(await find({ request: "abababab" }), ["2 nexus"]);
  assert.deepEqual(await find({ request: "abcdef1", text: "path=/1" }), ["3 template"]);
});

test("pages go to older lines and back without leaving any out, also where many have the same time", async (t) => {
  const { write, startStore, waitForLines } = await startTestLogs(t);
  const numbers = Array.from({ length: 25 }, (_, i) => i);
  write("core", ...numbers.map((i) => lineAt(Math.floor(i / 10), `line ${i}.`)));
  const store = startStore();
  await waitForLines(25);
  const seen: string[] = [];
  const pages: FoundPage[] = [];
  let query: LogQuery = { ...everything, count: 10 };
  for (;;) {
    const page = await store.search(query);
    pages.push(page);
    seen.push(...page.lines.map(textOf));
    const last = page.lines.at(-1);
    if (!page.hasMore || last === undefined) break;
    query = { ...query, cursor: { direction: "older", atMs: last.atMs, id: last.id } };
  }
  assert.deepEqual(
    seen,
    numbers.toReversed().map((i) => `line ${i}.`),
  );
  const first = pages[2]?.lines[0];
  const back = await store.search({
    ...everything,
    count: 10,
    cursor: { direction: "newer", atMs: first?.atMs ?? 0, id: first?.id ?? 0 },
  });
  assert.deepEqual(back.lines, pages[1]?.lines);
  assert.equal(back.hasMore, true);
});

test("a rare text far back is found by the index, and without one by reading", async (t) => {
  const { makeTables, sql, log } = await startTestLogs(t);
  await makeTables();
  assert.equal(await ensureTextIndex(sql, log), true);
  await sql`
    insert into log_lines (id, at, service, level, search, line)
    select n, to_timestamp(1700000000 + n), 'core', 20, t, t
    from generate_series(1, 30000) as n,
      lateral (select case n when 5 then 'a needle' else 'hay ' || n end as t) as x`;
  for (const hasTextIndex of [true, false]) {
    if (!hasTextIndex) await sql`drop extension pg_trgm cascade`;
    const find = async (text: string) =>
      (await searchStored(sql, { ...everything, text }, { hasTextIndex })).lines.map(
        ({ id }) => id,
      );
    assert.deepEqual(await find("needle"), [5]);
    assert.deepEqual(await find("ed"), [5]);
    assert.deepEqual(await find("no such thing"), []);
    assert.equal((await find("hay 29")).length, 100);
  }
});

async function search(store: LogStore, query: Partial<LogQuery>): Promise<string[]> {
  const { lines } = await store.search({ ...everything, ...query });
  return lines.map(({ atMs, service }) => `${new Date(atMs).getUTCSeconds()} ${service}`);
}

function textOf({ line }: { line: string }): string {
  return JSON.parse(line).message;
}
