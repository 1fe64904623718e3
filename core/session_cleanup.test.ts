import assert from "node:assert/strict";
import { test } from "node:test";
import { createTestLog } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { decodeJwt } from "jose";
import { MemorySessionStore } from "./memory_session_store.ts";
import { openFeed } from "./revocation_feed_testing.ts";
import { startSessionCleanup } from "./session_cleanup.ts";
import type { EndSessions } from "./session_ending.ts";
import type { EndedSession, SessionSelector, SessionStore } from "./session_store.ts";
import { ada, createTestClock, toHash } from "./session_store_testing.ts";
import { startCore } from "./testing.ts";

const createCore = (sessions: SessionStore) => {
  const endSessions: EndSessions = async (which) =>
    (await sessions.end(which)).map((ended) => ({ ...ended, providerSession: "kept" }));
  return { sessions, endSessions };
};

test("expired sessions are removed at the start and again and again", async (t) => {
  const clock = createTestClock();
  const sessions = new MemorySessionStore(clock);
  const first = await sessions.create(ada, 60);
  clock.advance(60);
  const log = createTestLog("core");
  const cleanup = startSessionCleanup(createCore(sessions), { log, intervalMs: 5 });
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
  const cleanup = startSessionCleanup(createCore(sessions), { log, intervalMs: 5 });
  t.after(() => cleanup.close());
  await waitFor(() => sessions.rounds > 2);
  assert.equal(log.lines.filter((line) => line.includes("cannot be cleaned up")).length, 1);
});

test("R10: a session that is idle for too long ends, on the gateways and at the provider too", async (t) => {
  const clock = createTestClock();
  const core = await startCore(t, { now: clock.now, idleSeconds: 600 });
  const feed = await openFeed(t, core.url, core.basicOf("nexus"));
  const idle = await core.signIn(undefined, { refresh_token: "r" });
  clock.advance(300);
  const used = await core.signIn();
  clock.advance(300);
  const cleanup = startSessionCleanup(core, { log: createTestLog("core"), intervalMs: 5 });
  t.after(() => cleanup.close());
  await waitFor(() => feed.revoked().length > 0 && core.provider.logouts.length > 0);
  assert.deepEqual(feed.revoked(), [toHash(decodeJwt(idle).jti ?? "")]);
  assert.equal((await core.post("/api/token/validate", { token: used })).status, 200);
});

test("R10: idle sessions that a store ends some at a time all end in one turn", async (t) => {
  const clock = createTestClock();
  class Portioned extends MemorySessionStore {
    override async end(which: SessionSelector): Promise<EndedSession[]> {
      if (!("idle" in which)) return super.end(which);
      const [oldest] = (await this.list(undefined, 9)).filter(
        ({ lastSeenAtSeconds }) => lastSeenAtSeconds < clock.now() / 1000 - 60,
      );
      return oldest === undefined ? [] : super.end({ hash: oldest.hash });
    }
  }
  const sessions = new Portioned(clock);
  for (let i = 0; i < 3; i++) await sessions.create(ada, 3600);
  clock.advance(61);
  const log = createTestLog("core");
  const cleanup = startSessionCleanup(createCore(sessions), { log, intervalMs: 600_000 });
  t.after(() => cleanup.close());
  await waitFor(async () => (await sessions.list(undefined, 9)).length === 0);
});
