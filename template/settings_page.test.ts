import assert from "node:assert/strict";
import { after, test } from "node:test";
import { linkTo, startService, testService, unescapeHtml } from "./testing.ts";

const service = await startService({ after });
const admin = await service.newUser({ permission_level: "admin" });

test("before anybody wrote a note the settings page says so", async () => {
  const response = await service.send("/admin/settings", { token: admin.token });
  assert.equal(response.status, 200);
  assert.match(await response.text(), /No notes/);
});

test("an administrator sees everybody's notes with counts, and how the service is set up", async () => {
  const [ada, grace] = [await service.newUser(), await service.newUser()];
  await service.notes.add({ sub: ada.sub, name: "Ada" }, "first <i>");
  await service.notes.add({ sub: ada.sub, name: "Ada" }, "second");
  await service.notes.add({ sub: grace.sub, name: "Grace" }, "third");
  const response = await service.send("/admin/settings", { token: admin.token });
  const escaped = await response.text();
  assert.doesNotMatch(escaped, /<i>/);
  const html = unescapeHtml(escaped);
  assert.match(html, /3 notes by 2 people/);
  assert.match(html, /<th scope="row">Ada<\/th><td class="table__number">2<\/td>/);
  assert.match(html, /<th scope="row">Grace<\/th><td class="table__number">1<\/td>/);
  assert.match(html, /first <i>/);
  assert.match(html, /Grace, <time datetime="\d{4}-/);
  assert.match(html, new RegExp(`<dt>Core</dt>\\s*<dd>${service.core.url}<`));
  assert.match(html, /<dt>Database<\/dt>\s*<dd>example_db<\/dd>/);
});

test("the settings page has no secret on it", async () => {
  const response = await service.send("/admin/settings", { token: admin.token });
  assert.doesNotMatch(await response.text(), /postgresql:|test-service-secret|Bearer/);
});

test("many notes come in pages here too", async () => {
  await service.sql`
    insert into note (text, author_sub, author_name)
    select 'bulk', 'bulk', 'Bulk' from generate_series(1, 100)`;
  const first = await (await service.send("/admin/settings", { token: admin.token })).text();
  assert.equal(first.match(/item-list__text/g)?.length, 50);
  const older = linkTo("Older", first) ?? "";
  const second = await (await service.send(older, { token: admin.token })).text();
  assert.equal(second.match(/item-list__text/g)?.length, 50);
  assert.equal(linkTo("Newest", second), "/admin/settings");
});

for (const level of ["technician", "billing", "client"] as const) {
  test(`a person of level ${level} is refused, with the level that it would take`, async () => {
    const { token } = await service.newUser({ permission_level: level });
    const response = await service.send("/admin/settings", { token });
    assert.equal(response.status, 403);
    const { detail } = (await response.json()) as { detail: string };
    assert.equal(detail, `This needs permission level admin; yours is ${level}`);
  });
}

test("a service may open the settings, being trusted beyond a person's level", async () => {
  const token = await service.core.serviceToken("codex", testService);
  assert.equal((await service.send("/admin/settings", { token })).status, 200);
});
