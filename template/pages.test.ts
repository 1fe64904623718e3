import assert from "node:assert/strict";
import { after, test } from "node:test";
import { notesPerPage } from "./note_query.ts";
import { linkTo, startService, testService, unescapeHtml } from "./testing.ts";

const service = await startService({ after });
const page = async (path: string, token: string) => (await service.send(path, { token })).text();

test("a person without notes is told so, under the service's title and their own name", async () => {
  const { token } = await service.newUser({ name: "Grace Hopper" });
  const response = await service.send("/", { token });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "text/html; charset=utf-8");
  assert.equal(response.headers.get("cache-control"), "no-store");
  const html = await response.text();
  assert.match(html, /<title>The example<\/title>/);
  assert.match(html, /Notes of Grace Hopper/);
  assert.match(html, /No notes yet/);
});

test("a note that was added is on the page that the browser is sent to", async () => {
  const { token } = await service.newUser();
  const response = await service.send("/", { token, form: { text: "Buy honey" } });
  assert.equal(response.status, 303);
  assert.equal(response.headers.get("location"), "/");
  const html = await page("/", token);
  assert.match(html, /item-list__text">Buy honey</);
  assert.doesNotMatch(html, /No notes yet/);
});

test("every address on a page begins with the public prefix that Nexus names", async () => {
  const { token } = await service.newUser({ permission_level: "admin" });
  const headers = { "x-forwarded-prefix": `/${testService}` };
  const added = await service.send("/", { token, form: { text: "x" }, headers });
  assert.equal(added.headers.get("location"), `/${testService}/`);
  const html = unescapeHtml(await (await service.send("/", { token, headers })).text());
  const addresses = [...html.matchAll(/(?:href|action)="([^"]*)"/g)].map(([, address]) => address);
  assert.ok(addresses.length >= 4);
  for (const address of addresses) assert.match(address ?? "", /^\/example\//);
});

test("what people type is shown as text, never as markup", async () => {
  const { token } = await service.newUser({ name: "<b>Ada</b>" });
  const text = `<script>alert(1)</script> & "quotes' {{name}}`;
  await service.send("/", { token, form: { text } });
  const html = await page("/", token);
  assert.doesNotMatch(html, /<script|<b>|"quotes/);
  assert.ok(unescapeHtml(html).includes(text));
  assert.match(unescapeHtml(html), /Notes of <b>Ada<\/b>/);
});

test("a text that cannot be a note comes back in the form with what is wrong", async () => {
  const { token } = await service.newUser();
  const typed = "</textarea>&".padEnd(2001, "x");
  const response = await service.send("/", { token, form: { text: typed } });
  assert.equal(response.status, 422);
  const html = await response.text();
  assert.match(html, /form__error" id="text-problem">A note has at most 2000 characters/);
  assert.match(html, /aria-invalid="true" aria-describedby="text-problem"/);
  assert.ok(unescapeHtml(html).includes(typed));
  assert.equal(html.match(/<\/textarea>/g)?.length, 1);
  assert.match(await page("/", token), /No notes yet/);
});

test("an empty form and one without the field say that a note needs text", async () => {
  const { token } = await service.newUser();
  for (const form of [{ text: "  " }, { other: "x" }]) {
    const response = await service.send("/", { token, form });
    assert.equal(response.status, 422);
    assert.match(await response.text(), /A note needs some text\./);
  }
});

test("a body of another type than a form's is refused", async () => {
  const { token } = await service.newUser();
  const response = await service.send("/", { token, json: { text: "x" } });
  assert.equal(response.status, 415);
});

test("a person deletes their own note, and is back where they were in the list", async () => {
  const { token, sub } = await service.newUser();
  const { id } = await service.notes.add({ sub, name: "Ada" }, "short-lived");
  const response = await service.send(`/notes/${id}/delete?before=999`, { token, form: {} });
  assert.equal(response.status, 303);
  assert.equal(response.headers.get("location"), "/?before=999");
  assert.match(await page("/", token), /No notes yet/);
});

test("another person's note can be neither seen nor deleted, and looks as if it were not there", async () => {
  const [ada, mallory] = [await service.newUser(), await service.newUser()];
  const { id } = await service.notes.add({ sub: ada.sub, name: "Ada" }, "Ada's secret");
  assert.doesNotMatch(await page("/", mallory.token), /secret/);
  const { token } = mallory;
  const [others, missing, wrong] = await Promise.all(
    [id, 2_000_000_000, "x"].map((each) =>
      service.send(`/notes/${each}/delete`, { token, form: {} }),
    ),
  );
  assert.deepEqual([others?.status, missing?.status, wrong?.status], [404, 404, 404]);
  assert.match((await others?.text()) ?? "", new RegExp(`There is no note ${id} of yours`));
  assert.match(await page("/", ada.token), /secret/);
});

test("many notes come in pages, with ways to the older and back to the newest ones", async () => {
  const { token, sub } = await service.newUser();
  await service.sql`
    insert into note (text, author_sub, author_name)
    select 'note ' || i || ' of many', ${sub}, 'Ada' from generate_series(1, 10000) i`;
  const first = await page("/", token);
  assert.equal(first.match(/item-list__text/g)?.length, notesPerPage);
  assert.match(first, /note 10000 of many/);
  assert.equal(linkTo("Newest", first), undefined);
  const second = await page(linkTo("Older", first) ?? "", token);
  assert.match(second, /note 9950 of many/);
  assert.doesNotMatch(second, /note 9951 of many/);
  assert.equal(linkTo("Newest", second), "/");
  const end = await page("/?before=1", token);
  assert.match(end, /No older notes/);
});

test("a place in the list that makes no sense is a 400 that says what would", async () => {
  const { token } = await service.newUser();
  const response = await service.send("/?before=x", { token });
  assert.equal(response.status, 400);
  const { detail } = (await response.json()) as { detail: string };
  assert.match(detail, /"before" must be a whole number from 1 to 2147483647, not "x"/);
});

test("only administrators are shown the way to the settings", async () => {
  const admin = await service.newUser({ permission_level: "admin" });
  const client = await service.newUser({ permission_level: "client" });
  assert.equal(linkTo("Settings", await page("/", admin.token)), "/admin/settings");
  assert.equal(linkTo("Settings", await page("/", client.token)), undefined);
});
