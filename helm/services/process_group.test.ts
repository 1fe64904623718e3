import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import test from "node:test";
import { endGroup, signalGroup } from "./process_group.ts";
import { survivorsOf } from "./testing.ts";

test("members that ignore SIGTERM are killed after the grace time", async () => {
  const leader = spawn("sh", ["-c", "trap '' TERM; sleep 60 & sleep 60 & echo up; exit"], {
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
  leader.stdout.resume();
  const group = leader.pid ?? 0;
  await once(leader, "exit");
  assert.equal((await survivorsOf([group])).length, 2);
  await endGroup(group, 50);
  assert.deepEqual(await survivorsOf([group]), []);
});

test("a group that is gone is no error", async () => {
  const leader = spawn("true", { detached: true, stdio: "ignore" });
  await once(leader, "exit");
  assert.equal(signalGroup(leader.pid ?? 0, "SIGTERM"), false);
  await endGroup(leader.pid ?? 0, 50);
});
