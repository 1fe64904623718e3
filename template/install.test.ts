import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { copyService } from "./process_testing.ts";

const install = (folder: string) =>
  spawnSync(join(folder, "install.sh"), { cwd: "/", encoding: "utf8" });

test("the install script makes the folder for credentials, and may run again", (t) => {
  const folder = copyService(t, "sample");
  for (const round of [1, 2]) {
    const { status, stderr } = install(folder);
    assert.deepEqual([round, status, stderr], [round, 0, ""]);
  }
  assert.equal(statSync(join(folder, "instance")).mode & 0o777, 0o700);
});

test("the install script names the packages that are missing, and the remedy", (t) => {
  const folder = copyService(t, "sample");
  const file = join(folder, "package.json");
  const manifest = JSON.parse(readFileSync(file, "utf8")) as { dependencies: object };
  const dependencies = { ...manifest.dependencies, "nowhere-to-be-found": "1" };
  writeFileSync(file, JSON.stringify({ ...manifest, dependencies }));
  const { status, stderr } = install(folder);
  assert.equal(status, 1);
  assert.match(
    stderr,
    /Cannot install sample: these packages are missing: nowhere-to-be-found; run "npm install"/,
  );
});
