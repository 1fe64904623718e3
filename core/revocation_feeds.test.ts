import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { waitFor } from "@hivematrix/lib/wait_for";
import { decodeJwt } from "jose";
import { openFeed, type TestFeedOptions } from "./revocation_feed_testing.ts";
import { RevocationFeeds } from "./revocation_feeds.ts";
import { toHash } from "./session_store_testing.ts";
import { type StartedCore, startCore } from "./testing.ts";

const hashOf = (token: string) => toHash(decodeJwt(token).jti ?? "");

const open = (
  t: { after(cleanUp: () => unknown): void },
  core: StartedCore,
  options?: TestFeedOptions,
) => openFeed(t, core.url, core.basicOf("nexus"), options);

/** Starts a revoke. `answered` says when, on performance.now(), or undefined before that. */
function startRevoke(core: StartedCore, token: string) {
  const state: { answeredAt?: number; done: Promise<Response> } = {
    done: core.post("/api/token/revoke", { token }).then((response) => {
      state.answeredAt = performance.now();
      return response;
    }),
  };
  return state;
}

test("a feed greets with the lease and answers pings in order", async (t) => {
  const core = await startCore(t);
  const feed = await open(t, core);
  assert.deepEqual(feed.messages[0], { hello: { lease_ms: 2000 } });
  for (const ping of [1, 2, 3]) feed.send({ ping });
  await waitFor(() => feed.messages.length === 4);
  assert.deepEqual(feed.messages.slice(1), [{ pong: 1 }, { pong: 2 }, { pong: 3 }]);
});

test("R8: a revoke is told to every feed and answers when each has acknowledged", async (t) => {
  const core = await startCore(t);
  const token = await core.signIn();
  const prompt = await open(t, core);
  const slow = await open(t, core, { acknowledges: false });
  await Promise.all([prompt.ping(), slow.ping()]);
  const revoke = startRevoke(core, token);
  await waitFor(() => slow.revoked().length > 0 && prompt.revoked().length > 0);
  assert.deepEqual(slow.revoked(), [hashOf(token)]);
  assert.equal((await core.post("/api/token/validate", { token })).status, 401, "stored before");
  await sleep(200);
  assert.equal(revoke.answeredAt, undefined);
  slow.send({ ack: slow.messages.find(({ revoked }) => revoked)?.["id"] });
  assert.equal((await revoke.done).status, 200);
  assert.ok(!slow.isClosed());
});

test("R8: a revoke of a session that is being revoked waits for the gateways just as long", async (t) => {
  const core = await startCore(t);
  const token = await core.signIn();
  const feed = await open(t, core, { acknowledges: false });
  await feed.ping();
  const first = startRevoke(core, token);
  await waitFor(() => feed.revoked().length === 1);
  const second = startRevoke(core, token);
  await waitFor(() => feed.revoked().length === 2);
  await sleep(100);
  assert.deepEqual([first.answeredAt, second.answeredAt], [undefined, undefined]);
  for (const { id } of feed.messages) if (id !== undefined) feed.send({ ack: id });
  await Promise.all([first.done, second.done]);
});

test("R8: a gateway that goes on pinging and never acknowledges loses its lease, then the revoke answers", async (t) => {
  const core = await startCore(t);
  const token = await core.signIn();
  const feed = await open(t, core, { acknowledges: false, pingMs: 50 });
  await feed.ping();
  const startedAt = performance.now();
  const revoke = startRevoke(core, token);
  await revoke.done;
  const tookMs = (revoke.answeredAt ?? 0) - startedAt;
  // Pongs go on for half a second at most, and a lease is two: without an end it would never answer.
  assert.ok(tookMs >= 2000 && tookMs < 8000, `${tookMs} ms`);
  await waitFor(feed.isClosed);
});

test("R8: a gateway that stands still is given up when its lease is over, not before", async (t) => {
  const core = await startCore(t);
  const token = await core.signIn();
  const feed = await open(t, core, { acknowledges: false });
  const leaseFrom = await feed.ping();
  const revoke = startRevoke(core, token);
  await revoke.done;
  assert.ok((revoke.answeredAt ?? 0) >= leaseFrom + 2000);
  assert.ok((revoke.answeredAt ?? 0) < leaseFrom + 8000);
});

test("R8: a gateway that is gone may have its lease still, so a revoke waits for that", async (t) => {
  const core = await startCore(t);
  const token = await core.signIn();
  const feed = await open(t, core);
  const leaseFrom = await feed.ping();
  feed.socket.destroy();
  await waitFor(() => core.feeds.count === 0);
  const revoke = startRevoke(core, token);
  await revoke.done;
  assert.ok((revoke.answeredAt ?? 0) >= leaseFrom + 2000);
  const later = startRevoke(core, await core.signIn());
  const startedAt = performance.now();
  await later.done;
  assert.ok((later.answeredAt ?? 0) - startedAt < 2000, "that is over once and for all");
});

test("R8: a gateway that has given its lease back keeps nobody waiting", async (t) => {
  const core = await startCore(t);
  const tokens = [await core.signIn(), await core.signIn()] as const;
  const feed = await open(t, core, { acknowledges: false });
  await feed.ping();
  // Once while its acknowledgement is owed, and once when it is gone.
  const first = startRevoke(core, tokens[0]);
  await waitFor(() => feed.revoked().length === 1);
  assert.equal(first.answeredAt, undefined);
  const startedAt = performance.now();
  feed.send({ bye: true });
  await first.done;
  await startRevoke(core, tokens[1]).done;
  assert.ok(performance.now() - startedAt < 1500);
  assert.ok(feed.isClosed());
});

test("R8: a gateway that goes while it owes an acknowledgement holds the revoke for its lease", async (t) => {
  const core = await startCore(t);
  const token = await core.signIn();
  const feed = await open(t, core, { acknowledges: false });
  const leaseFrom = await feed.ping();
  const revoke = startRevoke(core, token);
  await waitFor(() => feed.revoked().length > 0);
  feed.socket.destroy();
  await revoke.done;
  assert.ok((revoke.answeredAt ?? 0) >= leaseFrom + 2000);
});

test("a gateway without a lease keeps nobody waiting", async (t) => {
  const core = await startCore(t);
  const token = await core.signIn();
  const feed = await open(t, core);
  feed.socket.destroy();
  await waitFor(() => core.feeds.count === 0);
  const startedAt = performance.now();
  await startRevoke(core, token).done;
  // What it would wait for is a lease.
  assert.ok(performance.now() - startedAt < 2000);
});

test("R8: a Core that has just started waits out what the one before it may have granted", async () => {
  const startedAt = performance.now();
  const feeds = new RevocationFeeds();
  await feeds.announce([]);
  const tookMs = performance.now() - startedAt;
  assert.ok(tookMs >= 2050 && tookMs < 8000, `${tookMs} ms`);
});

test("without permission to grant, pings stay unanswered and revokes are still told", async (t) => {
  const core = await startCore(t, { mayGrant: () => false });
  const token = await core.signIn();
  const feed = await open(t, core, { pingMs: 20 });
  await startRevoke(core, token).done;
  assert.deepEqual(feed.revoked(), [hashOf(token)]);
  assert.ok(!feed.messages.some(({ pong }) => pong !== undefined));
});

test("R10: what a gateway reports as seen counts as use", async (t) => {
  let now = 1_800_000_000_000;
  const core = await startCore(t, { now: () => now, idleSeconds: 600 });
  const used = await core.signIn();
  const unused = await core.signIn();
  const feed = await open(t, core);
  now += 500_000;
  feed.send({ seen: [hashOf(used), "rubbish", 7] });
  await waitFor(
    async () => (await core.sessions.list(undefined, 9))[0]?.lastSeenAtSeconds === now / 1000,
  );
  now += 300_000;
  assert.equal((await core.post("/api/token/validate", { token: used })).status, 200);
  assert.equal((await core.post("/api/token/validate", { token: unused })).status, 401);
});

test("a line may come in pieces, and one that is no message ends the feed", async (t) => {
  const core = await startCore(t);
  const feed = await open(t, core);
  feed.socket.write('{"pi');
  await sleep(20);
  feed.socket.write('ng":1}\n{"ping":2}\n');
  await waitFor(() => feed.messages.length === 3);
  feed.socket.write("rubbish\n");
  await waitFor(feed.isClosed);
});

test("closing cuts the feeds and takes no new ones", async (t) => {
  const core = await startCore(t);
  const feed = await open(t, core);
  core.feeds.close();
  await waitFor(feed.isClosed);
  const late = await open(t, core).catch(() => undefined);
  await waitFor(() => late === undefined || late.isClosed());
});
