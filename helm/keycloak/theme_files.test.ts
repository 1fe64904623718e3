import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { installTheme } from "./server/theme_installation.ts";
import { writeTheme } from "./theme_files.ts";

const stylesheet = join(import.meta.dirname, "../../nexus/static/global.css");

test("the theme is written with the platform's own stylesheet, in place of an older one", async (t) => {
  const parent = await mkdtemp(join(tmpdir(), "hivematrix-theme-"));
  t.after(() => rm(parent, { recursive: true }));
  const folder = join(parent, "themes", "hivematrix");
  await writeTheme(folder);
  await writeFile(join(folder, "login", "register.ftl"), "of an older version");
  await writeTheme(folder);
  const read = (name: string) => readFile(join(folder, "login", name), "utf8");
  await assert.rejects(read("register.ftl"), { code: "ENOENT" });
  assert.equal(await read("resources/global.css"), await readFile(stylesheet, "utf8"));
  const properties = await read("theme.properties");
  assert.match(properties, /^parent=base$/m);
  assert.match(properties, /^resourceVersion=[0-9a-f]{12}$/m);
});

test("an installed theme is written anew only where it differs", async (t) => {
  const home = await mkdtemp(join(tmpdir(), "hivematrix-theme-"));
  t.after(() => rm(home, { recursive: true }));
  assert.equal(await installTheme(home), true);
  assert.equal(await installTheme(home), false);
  const page = join(home, "themes", "hivematrix", "login", "login.ftl");
  const original = await readFile(page, "utf8");
  await writeFile(page, "edited where edits do not last");
  assert.equal(await installTheme(home), true);
  assert.equal(await readFile(page, "utf8"), original);
  assert.deepEqual(await readdir(join(home, "themes")), ["hivematrix"]);
});
