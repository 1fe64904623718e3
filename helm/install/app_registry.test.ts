import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { makeCheckout, registry } from "../testing.ts";
import { orderByDependency, type RegisteredApp, readAppRegistry } from "./app_registry.ts";
import { addRegistryEntry, ownRegistryFile } from "./own_registry.ts";

test("the registry that is part of the checkout can be read, and core comes before template", () => {
  const ids = registry.list().map((app) => app.id);
  assert.deepEqual(ids, ["keycloak", "core", "nexus", "helm", "template"]);
  assert.equal(registry.find("core")?.port, 5000);
  assert.equal(registry.find("codex"), undefined);
});

test("what an app depends on comes first, whatever the install order says", () => {
  const apps = [app("treasury", 1, ["codex"]), app("codex", 9, ["postgresql"]), app("beacon", 2)];
  assert.deepEqual(orderOf(apps), ["codex", "treasury", "beacon"]);
});

test("an unknown dependency is named", () => {
  const apps = [app("treasury", 1, ["codex"])];
  assert.throws(() => orderByDependency(apps), /treasury depends on unknown app "codex"/);
});

test("a circle is named", () => {
  const apps = [app("a", 1, ["b"]), app("b", 2, ["c"]), app("c", 3, ["b"])];
  assert.throws(() => orderByDependency(apps), /in a circle: a → b → c → b/);
});

test("the apps that an installation has added are in it too, as soon as they are added", async (t) => {
  const { checkout, file } = await makeRegistry(t, { codex: entry });
  const both = readAppRegistry(file, ownRegistryFile(checkout));
  assert.equal(both.find("rota"), undefined);
  await addRegistryEntry(checkout, { ...app("rota", 7, ["codex"]), git_url: "/srv/rota" });
  assert.equal(both.find("rota")?.git_url, "/srv/rota");
  assert.deepEqual(
    both.list().map(({ id }) => id),
    ["codex", "rota"],
  );
  await writeFile(ownRegistryFile(checkout), "{");
  assert.equal(both.find("rota")?.git_url, "/srv/rota", "what was read last counts");
});

test("an app that both registries have is refused, with the names of both", async (t) => {
  const { checkout, file } = await makeRegistry(t, { codex: entry });
  const own = ownRegistryFile(checkout);
  await addRegistryEntry(checkout, { ...app("codex", 1), git_url: "/srv/codex" });
  assert.throws(
    () => readAppRegistry(file, own),
    (error: Error) => {
      return error.message.includes(file) && error.message.includes(`${own}: app "codex"`);
    },
  );
});

test("an added app without a repository, or with a wrong field, is refused by name", async (t) => {
  const { checkout, file } = await makeRegistry(t, {});
  const own = ownRegistryFile(checkout);
  await addRegistryEntry(checkout, app("rota", 1));
  assert.throws(() => readAppRegistry(file, own), /app "rota" has no git_url/);
  const levels = {
    ...app("rota", 1),
    git_url: "/srv/rota",
    allowed_levels: ["everybody" as "admin"],
  };
  await addRegistryEntry(checkout, levels);
  assert.throws(() => readAppRegistry(file, own), /app "rota" has allowed_levels \["everybody"\]/);
});

test("a broken registry is refused with file, app and reason", async (t) => {
  const file = join((await makeCheckout(t)).root, "apps_registry.json");
  await writeFile(file, '{ "default_apps": { "codex": { "name": "Codex" } } }');
  assert.throws(() => readAppRegistry(file), /apps_registry\.json: app "codex" has no port/);
  await writeFile(file, '{ "default_apps": {');
  assert.throws(() => readAppRegistry(file), /apps_registry\.json: line 1, column 20/);
});

const { id: _, ...entry } = app("codex", 1);

async function makeRegistry(t: TestContext, apps: object) {
  const checkout = await makeCheckout(t);
  const file = join(checkout.helmFolder, "apps_registry.json");
  await writeFile(file, JSON.stringify({ default_apps: apps }));
  return { checkout, file };
}

function app(id: string, install_order: number, dependencies: string[] = []): RegisteredApp {
  return { id, name: id, port: 5010, required: false, dependencies, install_order };
}

function orderOf(apps: RegisteredApp[]): string[] {
  return orderByDependency(apps).map(({ id }) => id);
}
