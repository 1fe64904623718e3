import assert from "node:assert/strict";
import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import test from "node:test";
import type { TestScope } from "@hivematrix/lib/testing";
import { pollUntil } from "./pause.ts";
import { makeFolder } from "./testing.ts";
import { watchFolder } from "./watch_folder.ts";

test("a change in the service's folder, below it or in lib restarts it", async (t) => {
  const { folder, lib, write, restartsAfter } = await watchedFolder(t);
  assert.equal(await restartsAfter(() => write(folder, "main.ts")), 1);
  assert.equal(await restartsAfter(() => write(folder, "views/index.mustache")), 1);
  assert.equal(await restartsAfter(() => write(lib, "router.ts")), 1);
});

test("a folder that is made later is watched too", async (t) => {
  const { folder, write, restartsAfter } = await watchedFolder(t);
  assert.equal(await restartsAfter(() => mkdir(path.join(folder, "new"))), 1);
  assert.equal(await restartsAfter(() => write(folder, "new/page.ts")), 1);
  const replace = async () => {
    await rm(path.join(folder, "new"), { recursive: true, force: true, maxRetries: 20 });
    await mkdir(path.join(folder, "new"));
  };
  assert.equal(await restartsAfter(replace), 1);
  assert.equal(await restartsAfter(() => write(folder, "new/page.ts")), 1);
});

test("many changes in one go lead to one restart", async (t) => {
  const { folder, write, restartsAfter } = await watchedFolder(t);
  const files = Array.from({ length: 20 }, (_, index) => `file_${index}.ts`);
  assert.equal(await restartsAfter(() => Promise.all(files.map((file) => write(folder, file)))), 1);
});

test("packages, instance files, tests and hidden files restart nothing", async (t) => {
  const { folder, write, restartsAfter } = await watchedFolder(t);
  const ignored = ["node_modules/a.js", "instance/web.conf", "main.test.ts", ".env", "web.log"];
  const change = async () => {
    for (const file of ignored) await write(folder, file);
    // A change that counts, so that this does not pass just because nobody waited.
    await write(folder, "main.ts");
  };
  assert.equal(await restartsAfter(change), 1);
});

async function watchedFolder(scope: TestScope) {
  const folder = await makeFolder(scope);
  const lib = await makeFolder(scope);
  for (const name of ["node_modules", "instance", "views"]) await mkdir(path.join(folder, name));
  let restarts = 0;
  const watcher = watchFolder({ folder }, () => restarts++, { alsoWatch: [lib], debounceMs: 250 });
  scope.after(() => watcher.close());
  return {
    folder,
    lib,
    write: (base: string, file: string) => writeFile(path.join(base, file), "changed"),
    /** How many restarts a change led to, counted until none has come for a while. */
    restartsAfter: async (change: () => Promise<unknown>) => {
      restarts = 0;
      await change();
      assert.ok(await pollUntil(async () => restarts > 0, { timeoutMs: 5000 }));
      await pollUntil(async () => restarts > 1, { timeoutMs: 600 });
      return restarts;
    },
  };
}
