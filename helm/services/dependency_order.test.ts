import assert from "node:assert/strict";
import test from "node:test";
import { eachAfterDependencies, orderByDependency, withDependencies } from "./dependency_order.ts";

const node = (name: string, ...dependencies: string[]) => ({ name, dependencies });
const platform = [
  node("nexus", "core", "keycloak"),
  node("keycloak", "postgres"),
  node("core", "postgres"),
  node("postgres"),
  node("template", "postgres", "elsewhere"),
];

test("every service comes after what it depends on", () => {
  const names = orderByDependency(platform).map(({ name }) => name);
  assert.deepEqual(names, ["postgres", "core", "keycloak", "nexus", "template"]);
});

test("a service's dependencies include theirs, and nobody else", () => {
  assert.deepEqual(withDependencies("nexus", platform), ["postgres", "core", "keycloak", "nexus"]);
  assert.deepEqual(withDependencies("postgres", platform), ["postgres"]);
  assert.deepEqual(withDependencies("template", platform), ["postgres", "template"]);
});

test("a circle is refused with its members in order", () => {
  const circle = [node("x", "a"), node("a", "b"), node("b", "c"), node("c", "a")];
  assert.throws(() => orderByDependency(circle), /a -> b -> c -> a/);
  assert.throws(() => orderByDependency([node("self", "self")]), /self -> self/);
});

test("each is done after what it depends on, and not where that has failed", async () => {
  const done: string[] = [];
  const act = async (name: string) => {
    // Whoever did not wait would be first.
    await new Promise((resolve) => setImmediate(resolve));
    if (name === "core") throw new Error("core is broken");
    done.push(name);
  };
  await assert.rejects(eachAfterDependencies(platform, act), { message: "core is broken" });
  assert.deepEqual(done, ["postgres", "keycloak", "template"]);
  await eachAfterDependencies([node("core2", "postgres"), node("postgres")], act);
  assert.deepEqual(done.slice(3), ["postgres", "core2"]);
});
