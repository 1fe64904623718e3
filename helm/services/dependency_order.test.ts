import assert from "node:assert/strict";
import test from "node:test";
import { orderByDependency, withDependencies } from "./dependency_order.ts";

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
