import assert from "node:assert/strict";
import { test } from "node:test";
import { FairQueue } from "./fair_queue.ts";

test("those who wait take turns, whatever one of them has sent before", async () => {
  const queue = new FairQueue();
  const order: string[] = [];
  const send = (who: string, times: number) =>
    Array.from({ length: times }, () => queue.run(who, async () => void order.push(who)));
  await Promise.all([...send("many", 5), ...send("one", 1), ...send("two", 2)]);
  assert.deepEqual(order, ["many", "many", "one", "two", "many", "two", "many", "many"]);
});

test("only one piece of work is under way, and one that fails holds up nobody", async () => {
  const queue = new FairQueue();
  let underWay = 0;
  const work = (isBad: boolean) => async () => {
    assert.equal(++underWay, 1);
    await new Promise((resolve) => setImmediate(resolve));
    underWay--;
    if (isBad) throw new Error("bad");
    return "done";
  };
  const results = await Promise.allSettled(
    Array.from({ length: 9 }, (_, i) => queue.run(`${i % 3}`, work(i % 2 === 0))),
  );
  assert.equal(results.filter(({ status }) => status === "fulfilled").length, 4);
  assert.equal(await queue.run("later", work(false)), "done");
});
