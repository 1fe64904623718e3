import assert from "node:assert/strict";
import test from "node:test";
import { layersOf, nearestDependencies } from "./dependency_layers.ts";

const services = [
  { name: "template", dependencies: ["postgres", "core"] },
  { name: "postgres", dependencies: [] },
  { name: "core", dependencies: ["postgres", "elsewhere"] },
  { name: "nexus", dependencies: ["core"] },
];

test("what needs nothing comes first, and each behind all that it needs", () => {
  const names = layersOf(services).map((layer) => layer.map(({ name }) => name));
  assert.deepEqual(names, [["postgres"], ["core"], ["template", "nexus"]]);
});

test("what is needed by what one needs is not drawn twice", () => {
  const [template, , core] = services;
  assert.deepEqual(template && nearestDependencies(template, services), ["core"]);
  assert.deepEqual(core && nearestDependencies(core, services), ["postgres"]);
});

test("services that need each other are shown all the same", () => {
  const circle = [
    { name: "a", dependencies: ["b"] },
    { name: "b", dependencies: ["a"] },
  ];
  assert.equal(layersOf(circle).flat().length, 2);
});
