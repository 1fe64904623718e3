import assert from "node:assert/strict";
import test from "node:test";
import type { ServiceStatus } from "../services/service_status.ts";
import { dependencyGraphs, describeDependencies } from "./dependency_graph.ts";

const services = [
  ["postgres", []],
  ["core", ["postgres"]],
  ["nexus", ["core"]],
  ["template", ["postgres", "core"]],
  ["codex", ["postgres", "core"]],
] as const;
const statuses: ServiceStatus[] = services.map(([name, dependencies]) => {
  return { name, state: "ready", restarts: 0, dependencies };
});

test("every box lies within the drawing, none on another, and above what it needs", () => {
  for (const { modifier, width, height, nodes } of dependencyGraphs(statuses)) {
    const places = nodes as { name: string; x: number; y: number; width: number; height: number }[];
    for (const box of places) {
      assert.ok(box.x >= 0 && box.x + box.width <= width, `${modifier}: ${box.name}`);
      assert.ok(box.y >= 0 && box.y + box.height <= height, `${modifier}: ${box.name}`);
      const others = places.filter((other) => other !== box && other.y === box.y);
      assert.ok(others.every((other) => Math.abs(other.x - box.x) > box.width));
    }
    const top = (name: string) => places.find((box) => box.name === name)?.y ?? 0;
    assert.ok(top("template") < top("core") && top("core") < top("postgres"), modifier);
    assert.ok(modifier === "wide" || width <= 320, `${width} px`);
  }
});

test("the drawing says in words what it shows", () => {
  const [wide] = dependencyGraphs(statuses);
  assert.match(
    wide?.description ?? "",
    /postgres needs nothing\. .*template needs postgres and core\./,
  );
  const name = "a";
  const three = describeDependencies({ name, dependencies: ["b", "c", "d"] });
  assert.equal(three, "a needs b, c and d.");
});
