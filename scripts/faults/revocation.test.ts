import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { suite, test } from "node:test";
import { runRevocationFaults, shapeOfSeed } from "./revocation_faults.ts";

/** A known one with many faults (both Cores, a gateway and PostgreSQL go down), and any other. */
const seeds = [640, randomInt(2 ** 30)];

// Each takes seconds of waiting and little work, so both run at once.
suite("no gateway serves an ended session, whatever fails (R8, R15, R25)", {
  concurrency: 2,
}, () => {
  for (const seed of seeds) {
    test(`${shapeOfSeed(seed)}, again by: scripts/faults/revocation.ts --rounds 1 --seed ${seed}`, async (t) => {
      const figures = await runRevocationFaults({ rounds: 1, seed });
      t.diagnostic(JSON.stringify(figures.counts));
      assert.deepEqual(figures.violations, []);
      const { served = 0, refused = 0, endsAnswered = 0, probes = 0 } = figures.counts;
      assert.ok(served > 0 && refused > 0 && endsAnswered > 0 && probes > 0);
    });
  }
});
