import assert from "node:assert/strict";
import test from "node:test";
import { runSupervisionRounds } from "./supervision_rounds.ts";

test("a Helm that is killed in its start, idle, or in a restart leaves none doubled and none behind", async (t) => {
  // The long form is a script: 100 rounds.
  const figures = await runSupervisionRounds(t, { rounds: 3 });
  assert.deepEqual(figures, {
    rounds: 3,
    kills: { starting: 1, idle: 1, restarting: 1 },
    faults: [],
  });
});
