import assert from "node:assert/strict";
import test from "node:test";
import { runInstallRounds } from "./install_rounds.ts";

test("a Helm that is killed while it installs, updates or uninstalls leaves all of the app or nothing", async (t) => {
  // The long form is a script: 50 rounds of each. Each step of the journal has its turn in
  // helm/install/killed_operations.test.ts, where Helm is no process of its own.
  const { killed, faults } = await runInstallRounds(t, { rounds: 1, seed: 3 });
  assert.deepEqual(faults, []);
  const rounds = Object.values(killed).map((count) => count.finished + count.undone);
  assert.deepEqual(rounds, [1, 1, 1]);
});
