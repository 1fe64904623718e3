import assert from "node:assert/strict";
import { test } from "node:test";
import { connectDatabase } from "@hivematrix/lib/database";
import { createTestLog, startTestPostgres } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { initDb } from "./init_db.ts";
import { createNoteStore } from "./note_store.ts";

const author = { sub: "ada", name: "Ada" };

test("setting up the database again keeps what is in it", async (t) => {
  const { sql } = await startTestPostgres(t);
  await initDb(sql, createTestLog());
  const note = await createNoteStore(sql).add(author, "stays");
  await initDb(sql, createTestLog());
  assert.deepEqual((await createNoteStore(sql).list({ limit: 5 })).notes, [note]);
});

test("several starts at once set up one database without a failure", async (t) => {
  const { url, sql } = await startTestPostgres(t);
  const log = createTestLog();
  const starts = Array.from({ length: 8 }, () => connectDatabase(url, { log, max: 1 }));
  t.after(() => Promise.all(starts.map((start) => start.end({ timeout: 0 }))));
  await Promise.all(starts.map((start) => initDb(start, log)));
  assert.deepEqual(await createNoteStore(sql).count(), { notes: 0, authors: 0 });
});

test("a start waits for a database that is away, and goes on when it is back", async (t) => {
  const postgres = await startTestPostgres(t, { own: true });
  const log = createTestLog();
  const sql = connectDatabase(postgres.url, { log });
  t.after(() => sql.end({ timeout: 0 }));
  await postgres.kill();
  const done = initDb(sql, log);
  await waitFor(() => log.lines.some((line) => line.includes("waiting for the database")));
  await postgres.restart();
  await done;
  assert.deepEqual(await createNoteStore(sql).count(), { notes: 0, authors: 0 });
});

test("a start that was given up does not go on waiting", { timeout: 20_000 }, async (t) => {
  const postgres = await startTestPostgres(t, { own: true });
  const log = createTestLog();
  const sql = connectDatabase(postgres.url, { log });
  await postgres.kill();
  const done = initDb(sql, log);
  await waitFor(() => log.lines.some((line) => line.includes("waiting for the database")));
  await sql.end({ timeout: 0 });
  await assert.rejects(done, /CONNECTION_ENDED/);
});

test("the database refuses what the service would refuse", async (t) => {
  const { sql } = await startTestPostgres(t);
  await initDb(sql, createTestLog());
  const store = createNoteStore(sql);
  await assert.rejects(store.add(author, ""), /note_text_check/);
  await assert.rejects(store.add(author, "x".repeat(2001)), /note_text_check/);
});
