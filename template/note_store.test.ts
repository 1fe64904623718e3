import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { createTestLog, startTestPostgres } from "@hivematrix/lib/testing";
import { initDb } from "./init_db.ts";
import { createNoteStore } from "./note_store.ts";

const { sql } = await startTestPostgres({ after });
await initDb(sql, createTestLog());
const store = createNoteStore(sql);
const newAuthor = (name = "Ada") => ({ sub: randomUUID(), name });

test("a note that was added is listed with its author and time", async () => {
  const ada = newAuthor();
  const added = await store.add(ada, "Läuft’s? <b>'; drop table note; --");
  const { notes, next } = await store.list({ authorSub: ada.sub, limit: 10 });
  assert.deepEqual(notes, [added]);
  assert.equal(added.text, "Läuft’s? <b>'; drop table note; --");
  assert.deepEqual(added.author, ada);
  assert.ok(Math.abs(Date.now() - added.createdAt.getTime()) < 60_000);
  assert.equal(next, undefined);
});

test("a list comes newest first, in pieces that leave out and repeat nothing", async () => {
  const ada = newAuthor();
  for (let i = 1; i <= 5; i++) await store.add(ada, `note ${i}`);
  const texts: string[][] = [];
  for (let before: number | undefined, more = true; more; ) {
    const { notes, next } = await store.list({ authorSub: ada.sub, before, limit: 2 });
    texts.push(notes.map(({ text }) => text));
    before = next;
    more = next !== undefined;
  }
  assert.deepEqual(texts, [["note 5", "note 4"], ["note 3", "note 2"], ["note 1"]]);
});

test("a list that ends with a full page names no next one", async () => {
  const ada = newAuthor();
  for (let i = 1; i <= 2; i++) await store.add(ada, `note ${i}`);
  assert.equal((await store.list({ authorSub: ada.sub, limit: 2 })).next, undefined);
});

test("an author's list has nobody else's notes, and the list without an author has all", async () => {
  const [ada, grace] = [newAuthor("Ada"), newAuthor("Grace")];
  await store.add(ada, "of Ada");
  const ofGrace = await store.add(grace, "of Grace");
  const own = await store.list({ authorSub: grace.sub, limit: 10 });
  assert.deepEqual(own.notes, [ofGrace]);
  const all = await store.list({ limit: 2 });
  assert.deepEqual(
    all.notes.map(({ author }) => author.name),
    ["Grace", "Ada"],
  );
});

test("a note is removed by its author only, and once", async () => {
  const [ada, grace] = [newAuthor("Ada"), newAuthor("Grace")];
  const { id } = await store.add(ada, "mine");
  assert.equal(await store.remove(id, grace.sub), false);
  assert.equal(await store.remove(id, ada.sub), true);
  assert.equal(await store.remove(id, ada.sub), false);
});

test("notes are counted, altogether and by author, under the author's latest name", async () => {
  const before = await store.count();
  const ada = newAuthor("Ada Byron");
  await store.add(ada, "one");
  await store.add({ ...ada, name: "Ada Lovelace" }, "two");
  const { notes, authors } = await store.count();
  assert.deepEqual([notes - before.notes, authors - before.authors], [2, 1]);
  const counts = await store.countByAuthor(100);
  const ofAda = counts.find(({ name }) => name === "Ada Lovelace");
  assert.equal(ofAda?.notes, 2);
  assert.ok(ofAda?.latest instanceof Date);
  assert.ok(!counts.some(({ name }) => name === "Ada Byron"));
});
