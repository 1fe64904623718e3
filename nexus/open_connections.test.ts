import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createTestLog } from "@hivematrix/lib/testing";
import type { UserClaims } from "@hivematrix/lib/token_verifier";
import { OpenConnections } from "./open_connections.ts";
import type { Session } from "./session_check.ts";

const session: Session = {
  token: "token",
  authorization: "Bearer token",
  hash: "hash",
  user: { exp: Date.now() / 1000 + 3600 } as UserClaims,
};

/** Connections whose looks come when the test says so. */
function startConnections(t: TestContext) {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const known = { hasEnded: false, isTrusted: false, isFeedAlive: true, asked: 0 };
  const core = { answer: async () => true };
  const connections = new OpenConnections(
    {
      hasEnded: () => known.hasEnded,
      isTrusted: () => known.isTrusted,
      isFeedAlive: () => known.isFeedAlive,
      isLive: () => {
        known.asked++;
        return core.answer();
      },
    },
    createTestLog(),
  );
  t.after(() => connections.close());
  const cut = { count: 0 };
  connections.add(session, { destroy: () => cut.count++ });
  const look = async () => {
    t.mock.timers.tick(1000);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { known, core, connections, cut, look };
}

test("a connection is asked about until its session is trusted, and again when it no longer is", async (t) => {
  const { known, look, cut } = startConnections(t);
  await look();
  await look();
  assert.equal(known.asked, 2);
  known.isTrusted = true;
  await look();
  assert.equal(known.asked, 2);
  known.isTrusted = false;
  await look();
  assert.equal(known.asked, 3);
  assert.equal(cut.count, 0);
});

test("a connection of a session that Core says is over is cut, once", async (t) => {
  const { core, cut, look, connections } = startConnections(t);
  core.answer = async () => false;
  await look();
  await look();
  assert.equal(cut.count, 1);
  assert.equal(connections.size, 0);
});

test("when the feed is back, a connection is asked about at once", async (t) => {
  const { core, cut, connections } = startConnections(t);
  core.answer = async () => false;
  await connections.askAboutDoubtful();
  assert.equal(cut.count, 1);
});

test("without an answer by Core nothing is cut, and it is asked again", async (t) => {
  const { core, cut, look } = startConnections(t);
  core.answer = () => Promise.reject(new Error("Core is away"));
  await look();
  assert.equal(cut.count, 0);
  core.answer = async () => false;
  await look();
  assert.equal(cut.count, 1);
});

test("while Core has not answered it is not asked again; without the feed, each fifth time", async (t) => {
  const { known, core, look } = startConnections(t);
  let answer = (_isLive: boolean) => {};
  core.answer = () =>
    new Promise((resolve) => {
      answer = resolve;
    });
  for (let i = 0; i < 3; i++) await look();
  assert.equal(known.asked, 1);
  answer(true);
  core.answer = async () => true;
  known.isFeedAlive = false;
  await look();
  known.asked = 0;
  for (let i = 0; i < 10; i++) await look();
  assert.equal(known.asked, 2);
});

test("a connection whose session ended while it was let in is cut at once", (t) => {
  const { known, connections } = startConnections(t);
  known.hasEnded = true;
  let isCut = false;
  connections.add(session, {
    destroy: () => {
      isCut = true;
    },
  });
  assert.ok(isCut);
});
