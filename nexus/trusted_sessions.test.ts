import assert from "node:assert/strict";
import { test } from "node:test";
import type { UserClaims } from "@hivematrix/lib/token_verifier";
import type { Session } from "./session_check.ts";
import { hashSessionId, TrustedSessions } from "./trusted_sessions.ts";

const use = { isUse: true };

function sessionOf(jti: string, lifetimeSeconds = 3600): Session {
  const exp = Math.floor(Date.now() / 1000) + lifetimeSeconds;
  const user = { jti, exp } as UserClaims;
  const token = `token of ${jti}`;
  return { token, authorization: `Bearer ${token}`, user, hash: hashSessionId(jti) };
}

/** Trust under a feed whose state the test decides. */
function startTrust() {
  const feed = { isAlive: true, epoch: 1 };
  return { feed, trusted: new TrustedSessions(() => feed) };
}

test("a confirmed session is trusted, as long as the feed is alive", () => {
  const { feed, trusted } = startTrust();
  const session = sessionOf("a");
  trusted.ask().remember(session, use);
  assert.equal(trusted.find(session.token, use), session);
  feed.isAlive = false;
  assert.equal(trusted.find(session.token, use), undefined);
});

test("an ended session is not trusted any more, others are", () => {
  const { trusted } = startTrust();
  const [a, b] = [sessionOf("a"), sessionOf("b")];
  trusted.ask().remember(a, use);
  trusted.ask().remember(b, use);
  trusted.end([a.hash]);
  assert.equal(trusted.find(a.token, use), undefined);
  assert.equal(trusted.find(b.token, use), b);
});

test("an answer that arrives after the session's end was announced is not remembered", () => {
  const { trusted } = startTrust();
  const session = sessionOf("a");
  const question = trusted.ask();
  trusted.end([session.hash]);
  question.remember(session, use);
  assert.equal(trusted.find(session.token, use), undefined);
});

test("an answer from another connection, or asked or heard without a live one, is not remembered", () => {
  for (const change of [
    { before: { epoch: 1 }, after: { epoch: 2 } },
    { before: { isAlive: false }, after: { isAlive: true } },
    { before: { isAlive: true }, after: { isAlive: false } },
  ]) {
    const { feed, trusted } = startTrust();
    const session = sessionOf("a");
    Object.assign(feed, change.before);
    const question = trusted.ask();
    Object.assign(feed, change.after);
    question.remember(session, use);
    feed.isAlive = true;
    assert.equal(trusted.find(session.token, use), undefined, JSON.stringify(change));
  }
});

test("an expired session is not trusted", () => {
  const { trusted } = startTrust();
  const session = sessionOf("a", 0);
  trusted.ask().remember(session, use);
  assert.equal(trusted.find(session.token, use), undefined);
});

test("a new connection begins with nothing", () => {
  const { trusted } = startTrust();
  const session = sessionOf("a");
  trusted.ask().remember(session, use);
  trusted.clear();
  assert.equal(trusted.find(session.token, use), undefined);
});

test("what was used is reported once; looking without use is no use", () => {
  const { trusted } = startTrust();
  const session = sessionOf("a");
  trusted.ask().remember(session, use);
  assert.deepEqual(trusted.takeSeen(), [session.hash]);
  trusted.find(session.token, { isUse: false });
  assert.deepEqual(trusted.takeSeen(), []);
  trusted.find(session.token, use);
  assert.deepEqual(trusted.takeSeen(), [session.hash]);
});

test("a session that was asked about without use is remembered, and not reported as used", () => {
  const { trusted } = startTrust();
  const session = sessionOf("a");
  trusted.ask().remember(session, { isUse: false });
  assert.equal(trusted.find(session.token, { isUse: false }), session);
  assert.deepEqual(trusted.takeSeen(), []);
});

test("no more than 20,000 sessions are kept, the oldest go first", () => {
  const { trusted } = startTrust();
  const sessions = Array.from({ length: 20_001 }, (_, i) => sessionOf(`s${i}`));
  for (const session of sessions) trusted.ask().remember(session, use);
  assert.equal(trusted.size, 20_000);
  assert.equal(trusted.find(sessions[0]?.token ?? "", use), undefined);
  assert.equal(trusted.find(sessions[1]?.token ?? "", use), sessions[1]);
});
