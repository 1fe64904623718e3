import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { runRevocationFaults, type ShapeName } from "./revocation_faults.ts";

/** Repeated by: node --import tsx scripts/faults/revocation.ts --rounds 1 --shape … --seed … */
const runs: readonly { shape: ShapeName; seed: number }[] = [
  { shape: "shared server", seed: 7 },
  { shape: "memory", seed: randomInt(2 ** 30) },
];

for (const { shape, seed } of runs) {
  test(`no gateway serves an ended session through faults (${shape}, seed ${seed})`, async (t) => {
    const figures = await runRevocationFaults({ rounds: 1, seed, shape });
    t.diagnostic(JSON.stringify(figures.counts));
    assert.deepEqual(figures.violations, []);
    assert.equal(figures.rounds, 1);
    const { served = 0, refused = 0, endsAnswered = 0, probes = 0 } = figures.counts;
    assert.ok(served > 0 && refused > 0 && endsAnswered > 0 && probes > 0);
  });
}
