import assert from "node:assert/strict";
import { test } from "node:test";
import { shapes } from "./revocation_faults.ts";
import { type Action, planRound } from "./round_plan.ts";

test("the same seed is the same plan, another seed another", () => {
  const shape = shapes["two cores"];
  assert.deepEqual(planRound(7, shape), planRound(7, shape));
  assert.notDeepEqual(planRound(7, shape).actions, planRound(8, shape).actions);
});

test("a plan is in the order of time and only has what its shape has", () => {
  for (let seed = 0; seed < 200; seed++) {
    for (const shape of Object.values(shapes)) {
      const { actions, forMs } = planRound(seed, shape);
      const times = actions.map(({ atMs }) => atMs);
      assert.deepEqual(
        times,
        [...times].sort((a, b) => a - b),
      );
      assert.ok((times[0] ?? 0) >= 0 && (times.at(-1) ?? 0) <= forMs);
      for (const action of actions) {
        if ("nexus" in action) assert.ok(action.nexus < shape.gateways);
        if ("core" in action) assert.ok(action.core < shape.cores);
        if (shape.store === "memory") assert.doesNotMatch(action.do, /postgres|listener/);
      }
    }
  }
});

test("every action comes up within a hundred plans", () => {
  const found = new Set<Action["do"]>();
  for (let seed = 0; seed < 100; seed++) {
    for (const action of planRound(seed, shapes["two cores"]).actions) found.add(action.do);
  }
  const all: Action["do"][] = [
    "sign in",
    "request",
    "end",
    "hold",
    "delay",
    "cut",
    "pause",
    "kill",
  ];
  all.push("stop", "kill postgres", "lose listener", "pause listener");
  assert.deepEqual([...found].sort(), all.sort());
});
