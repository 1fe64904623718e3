import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { createRandom, runSessionFaults } from "./durability_testing.ts";

test("R25: Core and PostgreSQL killed during sign-ins and revokes lose and undo nothing", async (t) => {
  const seed = randomInt(2 ** 31);
  t.diagnostic(`seed ${seed}`);
  const figures = await runSessionFaults(t, { rounds: 4, random: createRandom(seed) });
  t.diagnostic(JSON.stringify(figures));
  assert.deepEqual(figures.problems, []);
  assert.equal(figures.coreKills, 2);
  assert.equal(figures.postgresKills, 2);
  assert.ok(figures.checks > 0 && figures.interrupted + figures.revokes > 0);
});
