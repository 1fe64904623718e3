import assert from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makeTestFolder } from "./distribution_testing.ts";
import { installTheme } from "./theme_installation.ts";

test("the theme is put into the server where it differs, and only then", async (t) => {
  const home = makeTestFolder(t);
  mkdirSync(join(home, "themes"));
  assert.equal(await installTheme(home), true);
  const installed = join(home, "themes", "hivematrix", "login");
  assert.ok(existsSync(join(installed, "theme.properties")));
  assert.equal(await installTheme(home), false);

  writeFileSync(join(installed, "left.css"), "of an older Helm");
  assert.equal(await installTheme(home), true);
  assert.ok(!existsSync(join(installed, "left.css")));
});
