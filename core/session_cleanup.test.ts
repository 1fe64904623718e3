import assert from "node:assert/strict";
import { test } from "node:test";
import { createTestLog } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { startSessionCleanup } from "./session_cleanup.ts";
import { MemorySessionStore } from "./session_store.ts";
import { ada, createTestClock } from "./session_store_testing.ts";

test("expired sessions are removed at the start and again and again", async (t) => {
  const clock = createTestClock();
  const sessions = new MemorySessionStore(clock);
  const first = await sessions.create(ada, 60);
  clock.advance(60);
  const log = createTestLog("core");
  const cleanup = startSessionCleanup(sessions, { log, intervalMs: 5 });
  t.after(() => cleanup.close());
  await waitFor(async () => (await sessions.check(first.id)).state === "unknown");
  const second = await sessions.create(ada, 60);
  clock.advance(60);
  await waitFor(async () => (await sessions.check(second.id)).state === "unknown");
});

test("a store that is away is a warning, and the next round tries again", async (t) => {
  class FailingOnce extends MemorySessionStore {
    rounds = 0;

    override async removeExpired(): Promise<number> {
      this.rounds++;
      if (this.rounds === 1) throw new Error("away");
      return 0;
    }
  }
  const sessions = new FailingOnce();
  const log = createTestLog("core");
  const cleanup = startSessionCleanup(sessions, { log, intervalMs: 5 });
  t.after(() => cleanup.close());
  await waitFor(() => sessions.rounds > 2);
  assert.equal(log.lines.filter((line) => line.includes("cannot be removed")).length, 1);
});
