import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { createViews } from "./views.ts";
import { waitFor } from "./wait_for.ts";

function makeFolder(t: TestContext, files: Record<string, string>) {
  const folder = mkdtempSync(join(tmpdir(), "hivematrix-views-"));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20 }));
  const write = (name: string, text: string) => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  };
  for (const [name, text] of Object.entries(files)) write(name, text);
  return { folder, write };
}

function inEnvironment(t: TestContext, environment: string) {
  const before = process.env["ENVIRONMENT"];
  process.env["ENVIRONMENT"] = environment;
  t.after(() => {
    if (before === undefined) delete process.env["ENVIRONMENT"];
    else process.env["ENVIRONMENT"] = before;
  });
}

test("a view is filled with data that cannot become markup", (t) => {
  const { folder } = makeFolder(t, { "note.mustache": `<p title="{{text}}">{{text}}</p>` });
  const page = createViews(folder).render("note", { text: `<script>"'&` });
  assert.equal(
    page,
    `<p title="&lt;script&gt;&quot;&#39;&amp;">&lt;script&gt;&quot;&#39;&amp;</p>`,
  );
});

test("views of the folder and of its subfolders are partials of one another", (t) => {
  const { folder } = makeFolder(t, {
    "admin/settings.mustache": "{{> layout/head}}{{#notes}}{{> note}}{{/notes}}",
    "layout/head.mustache": "<h1>{{title}}</h1>",
    "note.mustache": "[{{text}}]",
    "README.md": "no view",
  });
  const data = { title: "T", notes: [{ text: "a" }, { text: "<b>" }] };
  assert.equal(createViews(folder).render("admin/settings", data), "<h1>T</h1>[a][&lt;b&gt;]");
});

test("a view or partial that is missing is named", (t) => {
  const { folder } = makeFolder(t, { "page.mustache": "{{> missing}}" });
  const views = createViews(folder);
  assert.throws(
    () => views.render("nothing", {}),
    /^Error: Cannot render "nothing": there is no view "nothing" in /,
  );
  assert.throws(
    () => views.render("page", {}),
    /Cannot render "page": there is no view "missing" in /,
  );
  assert.throws(() => views.render("README", {}), /there is no view "README"/);
});

test("a view whose tags do not fit together stops the start and is named", (t) => {
  const { folder } = makeFolder(t, { "broken.mustache": "{{#open}}" });
  assert.throws(() => createViews(folder), /Cannot use .*broken\.mustache: .*open/);
});

test("in development a view that changes, comes or goes shows at the next rendering", async (t) => {
  inEnvironment(t, "development");
  const { folder, write } = makeFolder(t, { "page.mustache": "one" });
  const views = createViews(folder);
  assert.equal(views.render("page", {}), "one");
  // The file system's clock ticks coarsely, so a change is written until it shows.
  await waitFor(() => {
    write("page.mustache", "two {{> part}}");
    write("part.mustache", "three");
    return views.render("page", {}) === "two three";
  });
  rmSync(join(folder, "part.mustache"));
  assert.throws(() => views.render("page", {}), /there is no view "part"/);
});

test("a view that is broken in development is an error until it is mended", async (t) => {
  inEnvironment(t, "development");
  const { folder, write } = makeFolder(t, { "page.mustache": "one" });
  const views = createViews(folder);
  write("broken.mustache", "{{#open}}");
  assert.throws(() => views.render("page", {}), /broken\.mustache/);
  assert.throws(() => views.render("page", {}), /broken\.mustache/);
  rmSync(join(folder, "broken.mustache"));
  assert.equal(views.render("page", {}), "one");
});

test("elsewhere views are read once", (t) => {
  inEnvironment(t, "production");
  const { folder } = makeFolder(t, { "page.mustache": "one" });
  const views = createViews(folder);
  rmSync(join(folder, "page.mustache"));
  assert.equal(views.render("page", {}), "one");
});
