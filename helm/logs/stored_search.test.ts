import assert from "node:assert/strict";
import test from "node:test";
import { connectDatabase, type Sql } from "@hivematrix/lib/database";
import { createTestLog } from "@hivematrix/lib/testing";
import type { Cursor } from "./log_cursor.ts";
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

test("what is long to look for is looked for piece by piece, in both directions, without missing a line", async (t) => {
  const { makeTables, sql } = await startTestLogs(t);
  await makeTables();
  const needles = [5, 300, 301, 999];
  await insertLines(sql, 1050, needles, "xq");
  const limits = { hasTextIndex: false, windowLines: 100, readingMs: 0 };
  for (const direction of ["older", "newer"] as const) {
    const found: number[] = [];
    let cursor: Cursor = { direction, atMs: direction === "older" ? 9e12 : 0, id: 0 };
    let pageCount = 0;
    for (;;) {
      const page = await searchStored(sql, { ...everything, text: "XQ", cursor }, limits);
      pageCount++;
      const ids = page.lines.map(({ id }) => id);
      found.push(...(direction === "older" ? ids : ids.reverse()));
      assert.equal(page.hasMore, page.stoppedAt !== undefined);
      if (page.stoppedAt === undefined) break;
      cursor = { direction, ...page.stoppedAt };
    }
    assert.deepEqual(found, direction === "older" ? needles.toReversed() : needles);
    assert.equal(pageCount, 11);
  }
  const patient = await searchStored(
    sql,
    { ...everything, text: "xq", count: 3 },
    { ...limits, readingMs: 60_000 },
  );
  assert.deepEqual(
    patient.lines.map(({ id }) => id),
    [999, 301, 300],
  );
  assert.equal(patient.hasMore, true);
  assert.equal(patient.stoppedAt, undefined);
});

test("a text whose parts stand in all lines is no task for the index, and looked for by reading", async (t) => {
  const { makeTables, sql, log } = await startTestLogs(t);
  await makeTables();
  assert.equal(await ensureTextIndex(sql, log), true);
  await insertLines(sql, 5000, [7], "hay 1 hay 1 hay");
  const query = { ...everything, text: "hay 1 hay" };
  const limits = { hasTextIndex: true, windowLines: 100, indexMs: 1, readingMs: 0 };
  const page = await searchStored(sql, query, limits);
  assert.deepEqual(page.lines, []);
  assert.equal(page.stoppedAt?.id, 5000 - 99);
  const all = await searchStored(sql, query, { ...limits, readingMs: 60_000 });
  assert.deepEqual(
    all.lines.map(({ id }) => id),
    [7],
  );
});

test("an answer has no more than some megabytes of lines, and the next page goes on", async (t) => {
  const { makeTables, sql, log } = await startTestLogs(t);
  await makeTables();
  await ensureTextIndex(sql, log);
  await sql`
    insert into log_lines (id, at, service, level, search, line, request_id)
    select n, to_timestamp(1700000000 + n), 'core', 20, 'xq hay', repeat('x', 1000), 'abcdef' || n
    from generate_series(1, 50) as n`;
  const questions = [{}, { text: "hay" }, { text: "xq" }, { request: "abcdef" }];
  const limits = { hasTextIndex: true, windowLines: 6, pageBytes: 10_500 };
  for (const question of questions) {
    const found: number[] = [];
    let cursor: Cursor | undefined;
    for (;;) {
      const page = await searchStored(sql, { ...everything, ...question, cursor }, limits);
      found.push(...page.lines.map(({ id }) => id));
      const last = page.lines.at(-1);
      if (!page.hasMore || last === undefined) break;
      assert.equal(page.lines.length, 11, JSON.stringify(question));
      cursor = { direction: "older", atMs: last.atMs, id: last.id };
    }
    assert.deepEqual(
      found,
      Array.from({ length: 50 }, (_, i) => 50 - i),
    );
  }
});

test("a search that would keep the database for long is ended, with what to do", {
  timeout: 60_000,
}, async (t) => {
  const { makeTables, sql, postgres } = await startTestLogs(t);
  await makeTables();
  const other = connectDatabase(postgres.url, { log: createTestLog("helm"), max: 1 });
  t.after(() => other.end({ timeout: 0 }));
  await other.begin(async (tx) => {
    await tx`lock table log_lines in access exclusive mode`;
    for (const query of [{}, { text: "xq" }, { text: "needle" }, { request: "abcdef" }]) {
      const limits = { hasTextIndex: true, statementMs: 100 };
      await assert.rejects(searchStored(sql, { ...everything, ...query }, limits), {
        name: "HttpError",
        status: 504,
        message:
          "Cannot search the logs: it would take longer than 0.1 s; narrow the search by time, service or level",
      });
    }
  });
});

/** "hay 1" to "hay <count>", one a second, and another text in those that are needles. */
async function insertLines(sql: Sql, count: number, needles: number[], text: string) {
  await sql`
    insert into log_lines (id, at, service, level, search, line)
    select n, to_timestamp(1700000000 + n), 'core', 20, t, t from generate_series(1, ${count}::int) as n,
      lateral (select case when n = any(${needles}) then ${text} else 'hay ' || n end as t) as x`;
}

async function search(store: LogStore, query: Partial<LogQuery>): Promise<string[]> {
  const { lines } = await store.search({ ...everything, ...query });
  return lines.map(({ atMs, service }) => `${new Date(atMs).getUTCSeconds()} ${service}`);
}

function textOf({ line }: { line: string }): string {
  return JSON.parse(line).message;
}
