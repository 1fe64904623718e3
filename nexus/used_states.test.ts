import assert from "node:assert/strict";
import { test } from "node:test";
import { LocalUsedStates } from "./used_states.ts";

test("R1: a used state stays used although thousands of others come after it", () => {
  const states = new LocalUsedStates();
  assert.equal(states.use("first"), true);
  for (let i = 0; i < 2000; i++) assert.equal(states.use(`state ${i}`), true);
  assert.equal(states.use("first"), false);
});

test("a state is forgotten when no attempt of its age is let in any more", () => {
  let now = Date.UTC(2026, 0, 1);
  const states = new LocalUsedStates(() => now);
  states.use("early");
  // An attempt lives for ten minutes, whenever in them it is used.
  now += 600_000;
  assert.equal(states.use("early"), false);
  now += 600_001;
  states.use("late");
  assert.equal(states.use("early"), true);
});

test("the oldest states make room when there are very many", () => {
  const states = new LocalUsedStates(() => 0);
  for (let i = 0; i < 100_001; i++) states.use(`state ${i}`);
  assert.equal(states.use("state 1"), false);
  assert.equal(states.use("state 0"), true);
});
