import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startService, testService } from "./testing.ts";

interface JsonNote {
  id: number;
  text: string;
  author: { sub: string; name: string };
  created_at: string;
}

const service = await startService({ after });
const codex = await service.core.serviceToken("codex", testService);
const create = async (token: string, text: string) => {
  const response = await service.send("/api/notes", { token, json: { text } });
  assert.equal(response.status, 201);
  return ((await response.json()) as { note: JsonNote }).note;
};
const list = async (token: string, query = "") => {
  const response = await service.send(`/api/notes${query}`, { token });
  assert.equal(response.status, 200);
  return (await response.json()) as { notes: JsonNote[]; next: string | null };
};
const remove = async (token: string, id: number | string) =>
  (await service.send(`/api/notes/${id}`, { token, method: "DELETE" })).status;

test("a person's program adds, lists and deletes that person's notes", async () => {
  const { token, sub } = await service.newUser({ name: "Grace" });
  const note = await create(token, "Grüße\nfrom a program");
  assert.deepEqual(note.author, { sub, name: "Grace" });
  assert.equal(note.text, "Grüße\nfrom a program");
  assert.ok(!Number.isNaN(Date.parse(note.created_at)));
  assert.deepEqual(await list(token), { notes: [note], next: null });
  assert.equal(await remove(token, note.id), 204);
  assert.deepEqual(await list(token), { notes: [], next: null });
});

test("a created note's Location is its public address", async () => {
  const { token } = await service.newUser();
  const headers = { "x-forwarded-prefix": `/${testService}` };
  const response = await service.send("/api/notes", { token, json: { text: "x" }, headers });
  const { note } = (await response.json()) as { note: JsonNote };
  assert.equal(response.headers.get("location"), `/example/api/notes/${note.id}`);
});

test("a long list names the address of the rest", async () => {
  const { token } = await service.newUser();
  for (const text of ["one", "two", "three"]) await create(token, text);
  const first = await list(token, "?limit=2");
  assert.deepEqual(
    first.notes.map(({ text }) => text),
    ["three", "two"],
  );
  const rest = await service.send(first.next ?? "", { token });
  const { notes, next } = (await rest.json()) as { notes: JsonNote[]; next: string | null };
  assert.deepEqual([notes.map(({ text }) => text), next], [["one"], null]);
});

test("one person's notes are not there for another, to read or to delete", async () => {
  const [ada, mallory] = [await service.newUser(), await service.newUser()];
  const { id } = await create(ada.token, "mine");
  assert.deepEqual((await list(mallory.token)).notes, []);
  assert.equal(await remove(mallory.token, id), 404);
  assert.equal((await list(ada.token)).notes.length, 1);
});

test("an administrator's own list is like anybody's", async () => {
  const ada = await service.newUser();
  await create(ada.token, "mine");
  const admin = await service.newUser({ permission_level: "admin" });
  assert.deepEqual((await list(admin.token)).notes, []);
});

test("a service reads everybody's notes, writes its own, and deletes no one else's", async () => {
  const ada = await service.newUser();
  const ofAda = await create(ada.token, "of Ada");
  const ofCodex = await create(codex, "of a service");
  assert.deepEqual(ofCodex.author, { sub: "service:codex", name: "codex" });
  const { notes } = await list(codex, "?limit=2");
  assert.deepEqual(notes, [ofCodex, ofAda]);
  assert.equal(await remove(codex, ofAda.id), 404);
  assert.equal(await remove(codex, ofCodex.id), 204);
});

test("a text that cannot be a note is refused with the name of the field", async () => {
  const { token } = await service.newUser();
  for (const text of ["   ", "x".repeat(2001), "a\u0000b"]) {
    const response = await service.send("/api/notes", { token, json: { text } });
    assert.equal(response.status, 422);
    assert.equal(response.headers.get("content-type"), "application/problem+json");
    assert.equal(((await response.json()) as { field: string }).field, "text");
  }
});

test("a body that is no note gets a 4xx that says why", async () => {
  const { token } = await service.newUser();
  for (const json of [{}, { text: 5 }, { text: "" }, [], "text", null]) {
    const response = await service.send("/api/notes", { token, json, method: "POST" });
    assert.equal(response.status, 400, JSON.stringify(json));
  }
  const form = await service.send("/api/notes", { token, form: { text: "x" } });
  assert.equal(form.status, 415);
});

test("deleting what can be no note is a 404", async () => {
  const { token } = await service.newUser();
  for (const id of ["0", "-1", "x", "99999999999999999999", "1%20or%201"]) {
    assert.equal(await remove(token, id), 404);
  }
});

test("a method that a path does not have is a 405 that names those it has", async () => {
  const { token } = await service.newUser();
  const response = await service.send("/api/notes", { token, method: "DELETE" });
  assert.equal(response.status, 405);
  assert.equal(response.headers.get("allow"), "GET, POST, HEAD");
});

test("/api/data answers a service and an administrator with the figures over all notes", async () => {
  const ada = await service.newUser();
  await create(ada.token, "counted");
  const { token } = await service.newUser({
    permission_level: "admin",
    preferred_username: "root",
  });
  const data = await service.notes.count();
  const ask = async (each: string) => (await service.send("/api/data", { token: each })).json();
  assert.deepEqual(await ask(codex), { service: testService, called_by: "codex", data });
  assert.deepEqual(await ask(token), { service: testService, called_by: "root", data });
});

test("/api/data is nothing for other people", async () => {
  for (const permission_level of ["technician", "billing", "client"] as const) {
    const { token } = await service.newUser({ permission_level });
    assert.equal((await service.send("/api/data", { token })).status, 403);
  }
});
