import assert from "node:assert/strict";
import { test } from "node:test";
import { RateLimit } from "./rate_limit.ts";

function createLimit(options: { maxKeys?: number } = {}) {
  const clock = { ms: 1_000_000 };
  const limit = new RateLimit({ burst: 3, refillSeconds: 60, now: () => clock.ms, ...options });
  return { limit, clock };
}

test("so many at once pass, the next learns how long to wait, and that is true", () => {
  const { limit, clock } = createLimit();
  assert.deepEqual(
    [1, 2, 3, 4].map(() => limit.take("ada")),
    [0, 0, 0, 20],
  );
  clock.ms += 19_000;
  assert.equal(limit.take("ada"), 1);
  clock.ms += 1000;
  assert.equal(limit.take("ada"), 0);
  assert.equal(limit.take("ada"), 20);
});

test("whoever is refused again and again waits no longer for that", () => {
  const { limit, clock } = createLimit();
  for (let i = 0; i < 100; i++) limit.take("ada");
  clock.ms += 20_000;
  assert.equal(limit.take("ada"), 0);
});

test("one key's use is nothing to another", () => {
  const { limit } = createLimit();
  for (let i = 0; i < 10; i++) limit.take("ada");
  assert.equal(limit.take("bob"), 0);
});

test("more than a burst is never saved up, and a full bucket is not remembered", () => {
  const { limit, clock } = createLimit();
  limit.take("ada");
  clock.ms += 3_600_000;
  assert.equal(limit.left("ada"), 3);
  limit.giveBack("ada");
  assert.equal(limit.size, 0);
  assert.deepEqual(
    [1, 2, 3, 4].map(() => limit.take("ada") > 0),
    [false, false, false, true],
  );
});

test("what is put back counts at once", () => {
  const { limit } = createLimit();
  for (let i = 0; i < 3; i++) limit.take("ada");
  limit.giveBack("ada");
  assert.equal(limit.take("ada"), 0);
  assert.equal(limit.secondsUntilFull("ada"), 60);
});

test("a clock that is set back neither gives nor takes", () => {
  const { limit, clock } = createLimit();
  limit.take("ada");
  clock.ms -= 500_000;
  assert.equal(limit.left("ada"), 2);
});

test("no more keys are kept than the bound, the one not used for longest goes first", () => {
  const { limit } = createLimit({ maxKeys: 100 });
  for (let i = 0; i < 3; i++) limit.take("busy");
  for (let i = 0; i < 10_000; i++) {
    limit.take(`other-${i}`);
    // Being asked for is use.
    if (i % 50 === 0) limit.giveBack("busy");
    if (i % 50 === 0) limit.take("busy");
  }
  assert.equal(limit.size, 100);
  assert.ok(limit.take("busy") > 0);
  assert.equal(limit.left("other-1"), 3);
});

test("without a clock of its own it follows the machine's, which nobody sets", () => {
  const limit = new RateLimit({ burst: 1, refillSeconds: 1000 });
  assert.equal(limit.take("ada"), 0);
  assert.ok(limit.take("ada") > 900);
});
