import assert from "node:assert/strict";
import test from "node:test";
import { createTestLog } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { afterTest } from "../testing.ts";
import { watchForUpdates } from "./update_watch.ts";

test("repositories are asked again and again, also after a failure, and not while that is turned off", async (t) => {
  const log = createTestLog("helm");
  let [asked, hours] = [0, 1];
  const ask = async () => {
    if (++asked === 1) throw new Error("no network");
  };
  const stop = watchForUpdates({ everyHours: () => hours, ask, log, hourMs: 5 });
  afterTest(t, stop);
  await waitFor(() => asked >= 3);
  assert.equal(log.lines.filter((line) => line.includes("no network")).length, 1);
  let looks = 0;
  const off = watchForUpdates({
    everyHours: () => {
      looks++;
      return 0;
    },
    ask: () => assert.fail("it is turned off"),
    log,
    hourMs: 5,
  });
  afterTest(t, off);
  await waitFor(() => looks >= 4);
  hours = 0;
  await stop();
});

test("the end of it ends the question that is under way", async () => {
  let [isAsking, isOver] = [false, false];
  const ask = async (signal: AbortSignal) => {
    isAsking = true;
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    isOver = true;
    throw signal.reason;
  };
  const log = createTestLog("helm");
  const stop = watchForUpdates({ everyHours: () => 1, ask, log, hourMs: 5 });
  await waitFor(() => isAsking);
  await stop();
  assert.equal(isOver, true);
  assert.deepEqual(log.lines, []);
});
