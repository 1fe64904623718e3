import assert from "node:assert/strict";
import test from "node:test";
import { ageSeconds, isOfThisBoot } from "./process_age.ts";
import { readProcess } from "./process_table.ts";

test("a process is as old as it says itself, whatever the wall clock says", async (t) => {
  const own = await readProcess(process.pid);
  assert.ok(own);
  t.mock.timers.enable({ apis: ["Date"], now: Date.now() + 3_600_000 });
  assert.ok(Math.abs(ageSeconds(own) - process.uptime()) < 1);
  assert.equal(isOfThisBoot(own), true);
});

test("a start before the last boot is told from one since", { skip: notLinux() }, () => {
  assert.equal(isOfThisBoot({ startTime: "another-boot/123" }), false);
});

function notLinux(): string | false {
  return process.platform !== "linux" && "only Linux tells one boot from another";
}
