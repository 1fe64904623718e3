import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import test from "node:test";
import { afterTest, makeCheckout } from "../testing.ts";
import { listApps } from "./app_list.ts";
import { updateWords } from "./app_words.ts";
import { answering, makeRepository, startInstallTest } from "./testing.ts";
import { askRepositories, readUpdateChecks } from "./update_check.ts";

test("what a repository has is known until it says something else, to the next Helm and the command line too", async (t) => {
  const helm = await startInstallTest(t);
  const repository = await makeRepository(t);
  const { name, folder } = repository;
  await helm.run({ kind: "install", target: folder });
  const ask = () => helm.manager.checkForUpdates({ config: helm.config() });
  const look = async () => {
    const { checkout, registry } = helm;
    const lines = await listApps({ checkout, registry, config: helm.config(), services: [] });
    const line = lines.find((each) => each.name === name);
    assert.ok(line);
    assert.equal(
      lines.filter(({ update }) => update !== undefined && update !== line.update).length,
      0,
    );
    return line;
  };
  assert.equal((await look()).update, undefined);
  await ask();
  assert.equal(updateWords(await look()), "up to date");
  const second = await repository.commit({ "main.ts": answering("two") });
  await ask();
  await helm.replaceHelm();
  const known = await look();
  assert.equal(updateWords(known), `update available (${second.slice(0, 12)})`);
  assert.ok(Math.abs(Date.parse(known.update?.at ?? "") - Date.now()) < 60_000);
  // Away, it says nothing new; what it has said is still so.
  await rename(folder, `${folder}-away`);
  await ask();
  const away = await look();
  assert.equal(updateWords(away), updateWords(known));
  assert.match(away.update?.error ?? "", /git ls-remote ended with status/);
  await rename(`${folder}-away`, folder);
  // A newer version than the one that was known is not out of date for that.
  await repository.commit({ "main.ts": answering("three") });
  await helm.run({ kind: "update", app: name });
  assert.equal((await look()).update, undefined);
  await ask();
  assert.equal(updateWords(await look()), "up to date");
});

test("whoever ends in the middle of the question waits for no server, and has learned nothing", async (t) => {
  const checkout = await makeCheckout(t);
  const silent = createServer(() => {}).listen(0, "127.0.0.1");
  afterTest(t, () => silent.close());
  await once(silent, "listening");
  const { port } = silent.address() as { port: number };
  const ending = new AbortController();
  silent.once("connection", () => ending.abort());
  const apps = [{ name: "slow", git_url: `https://127.0.0.1:${port}/a.git` }];
  const begin = performance.now();
  await askRepositories(checkout, apps, ending.signal);
  assert.ok(performance.now() - begin < 10_000, "it has waited as long as for any server");
  const checkOf = await readUpdateChecks(checkout);
  assert.equal(checkOf("slow", { commit: undefined, since: undefined }), undefined);
});

test("a damaged record of what was asked is an empty one", async (t) => {
  const checkout = await makeCheckout(t);
  const file = join(checkout.helmFolder, "instance", "app_updates.json");
  await mkdir(dirname(file));
  for (const text of ["{", "null", '"x"']) {
    await writeFile(file, text);
    const checkOf = await readUpdateChecks(checkout);
    assert.equal(checkOf("rota", { commit: "a", since: undefined }), undefined);
  }
});
