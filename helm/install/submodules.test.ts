import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { appendFile, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { makeCheckout } from "../testing.ts";
import { checkOutBeside, cloneApp, listChanged, listUntracked } from "./app_checkout.ts";
import { fetchSubmodules, listSubmodules } from "./submodules.ts";
import { makeRepository, startInstallTest, type TestRepository } from "./testing.ts";

/** Adds one repository to another, as a user of git would. */
async function addSubmodule(to: TestRepository, { folder }: TestRepository, path: string) {
  to.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", folder, path);
  return await to.commit({});
}

test("an app's submodules, and theirs, come with it as its commit says, and move with it", async (t) => {
  const { root } = await makeCheckout(t);
  const { app, library, inner } = await makeApp(t);
  const from = join(root, "preparing");
  await cloneApp({ git_url: app.folder }, from, {});
  const folder = join(root, "app");
  await rename(from, folder);
  assert.equal(await readFile(join(folder, "library", "text"), "utf8"), "one");
  assert.equal(await readFile(join(folder, "library", "inner", "text"), "utf8"), "inner one");
  assert.deepEqual(await listChanged(folder), []);
  assert.deepEqual(await listUntracked(folder), []);
  // What the app does not name is not taken.
  await library.commit({ text: "two" });
  await inner.commit({ text: "inner two" });
  const same = join(root, "same");
  await checkOutBeside(folder, same, { git_url: app.folder }, {});
  assert.equal(await readFile(join(same, "library", "text"), "utf8"), "one");
  // A new pin, by a new address.
  const moved = `${library.folder}-moved`;
  await rename(library.folder, moved);
  app.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "set-url", "library", moved);
  app.git("-c", "protocol.file.allow=always", "-C", "library", "pull", "--quiet", "origin", "main");
  await app.commit({});
  const next = join(root, "next");
  await checkOutBeside(folder, next, { git_url: app.folder }, {});
  assert.equal(await readFile(join(next, "library", "text"), "utf8"), "two");
  assert.equal(await readFile(join(next, "library", "inner", "text"), "utf8"), "inner one");
});

test("a submodule comes by no transport that the app itself could not", async (t) => {
  const { root } = await makeCheckout(t);
  const { app } = await makeApp(t);
  const local = join(root, "local");
  await cloneApp({ git_url: app.folder }, local, {});
  // The same commit, as if it had come from far away: it may not take in what is on this machine.
  const remote = join(root, "remote");
  app.git("clone", "--quiet", app.folder, remote);
  await assert.rejects(fetchSubmodules(remote, "https://git.example.org/app.git", {}), {
    message: /^git submodule .*transport 'file' not allowed.*library/,
  });
  assert.equal(existsSync(join(remote, "library", "text")), false);
  for (const [url, transport] of [
    ["git://127.0.0.1:1/a.git", "git"],
    ["http://127.0.0.1:1/a.git", "http"],
    ["ext::touch%20/tmp/never", "ext"],
  ]) {
    app.git("config", "--file", ".gitmodules", "submodule.library.url", url ?? "");
    await app.commit({});
    const cloning = cloneApp({ git_url: app.folder }, join(root, `over-${transport}`), {});
    await assert.rejects(cloning, new RegExp(`transport '${transport}' not allowed`));
  }
});

test("what was changed by hand in a submodule is in the way of an update, which could not keep it", async (t) => {
  const helm = await startInstallTest(t);
  const { app } = await makeApp(t);
  const { status } = await helm.run({ kind: "install", target: app.folder });
  assert.equal(status.error, undefined);
  const folder = helm.checkout.appFolder(app.name);
  await appendFile(join(folder, "library", "text"), " and mine");
  await writeFile(join(folder, "main.ts"), "mine");
  assert.deepEqual(await listSubmodules(folder, await listChanged(folder)), ["library"]);
  await app.commit({ "new.txt": "new" });
  const forced = await helm.run({ kind: "update", app: app.name, isForced: true });
  assert.match(
    forced.status.error ?? "",
    /submodules changed by hand, .*: library; commit and push/,
  );
  assert.equal(forced.status.forcible, undefined);
  assert.equal(await readFile(join(folder, "library", "text"), "utf8"), "one and mine");
});

/** An app with a library in it, which has one of its own. */
async function makeApp(t: TestContext) {
  const inner = await makeRepository(t, { text: "inner one" });
  const library = await makeRepository(t, { text: "one" });
  await addSubmodule(library, inner, "inner");
  const app = await makeRepository(t);
  await addSubmodule(app, library, "library");
  return { app, library, inner };
}
