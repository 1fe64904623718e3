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

test("no line runs behind a box, where a layer takes several rows too", () => {
  const apps = Array.from({ length: 7 }, (_, i) => ({ ...statuses[3], name: `app${i}` }));
  const many = [...statuses, ...apps] as ServiceStatus[];
  for (const { modifier, nodes, lines } of dependencyGraphs(many)) {
    const boxes = nodes as { name: string; x: number; y: number; width: number; height: number }[];
    assert.ok(lines.length > 9);
    for (const { path } of lines) {
      for (const [x, y] of pointsOf(path)) {
        const hit = boxes.find(
          (box) => x > box.x && x < box.x + box.width && y > box.y && y < box.y + box.height,
        );
        assert.equal(hit?.name, undefined, `${modifier}: ${path}`);
      }
    }
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

/** Points of a path of `M`, `C` and `V`, close together. */
function pointsOf(path: string): [number, number][] {
  const points: [number, number][] = [];
  let [x, y] = [0, 0];
  for (const [, letter, rest = ""] of path.matchAll(/([MCV])([^MCV]+)/g)) {
    const numbers = rest.trim().split(" ").map(Number);
    const [x1 = x, y1 = y, x2 = x, y2 = y, endX = x, endY = y] =
      letter === "C" ? numbers : letter === "V" ? [x, y, x, numbers[0], x, numbers[0]] : [];
    const step = (t: number, a: number, b: number, c: number, d: number) =>
      (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t ** 2 * c + t ** 3 * d;
    if (letter === "M") [x = 0, y = 0] = numbers;
    else {
      for (let t = 0.05; t < 1; t += 0.05)
        points.push([step(t, x, x1, x2, endX), step(t, y, y1, y2, endY)]);
      [x, y] = [endX, endY];
    }
  }
  return points;
}
