import assert from "node:assert/strict";
import test from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { mapFewAtOnce } from "./few_at_once.ts";

test("a few are under way at once, and the results stand in order", async () => {
  let underWay = 0;
  let most = 0;
  const numbers = Array.from({ length: 50 }, (_, i) => i);
  const doubled = await mapFewAtOnce(numbers, async (number) => {
    most = Math.max(most, ++underWay);
    for (let i = 0; i < 50 - number; i++) await turn();
    underWay--;
    return number * 2;
  });
  assert.deepEqual(
    doubled,
    numbers.map((number) => number * 2),
  );
  assert.equal(most, 8);
  assert.deepEqual(await mapFewAtOnce([], async () => 1), []);
  await assert.rejects(
    mapFewAtOnce(numbers, async (number) => {
      if (number === 3) throw new Error("three");
    }),
    { message: "three" },
  );
});
