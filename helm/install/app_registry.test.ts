import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { makeCheckout } from "../testing.ts";
import { orderByDependency, type RegisteredApp, readAppRegistry } from "./app_registry.ts";

test("the registry that is part of the checkout can be read, and core comes before template", () => {
  const ids = readAppRegistry()
    .list()
    .map((app) => app.id);
  assert.deepEqual(ids, ["keycloak", "core", "nexus", "helm", "template"]);
  assert.equal(readAppRegistry().find("core")?.port, 5000);
  assert.equal(readAppRegistry().find("codex"), undefined);
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

test("a broken registry is refused with file, app and reason", async (t) => {
  const file = join((await makeCheckout(t)).root, "apps_registry.json");
  await writeFile(file, '{ "default_apps": { "codex": { "name": "Codex" } } }');
  assert.throws(() => readAppRegistry(file), /apps_registry\.json: app "codex" has no port/);
  await writeFile(file, '{ "default_apps": {');
  assert.throws(() => readAppRegistry(file), /apps_registry\.json: line 1, column 20/);
});

function app(id: string, install_order: number, dependencies: string[] = []): RegisteredApp {
  return { id, name: id, port: 5010, required: false, dependencies, install_order };
}

function orderOf(apps: RegisteredApp[]): string[] {
  return orderByDependency(apps).map(({ id }) => id);
}
