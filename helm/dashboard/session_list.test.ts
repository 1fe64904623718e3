import assert from "node:assert/strict";
import test from "node:test";
import type { ListedSession } from "../control/core_sessions.ts";
import { pageSessions } from "./session_list.ts";

const now = Date.parse("2026-11-23T21:00:00Z");
const minutesAgo = (minutes: number) => new Date(now - minutes * 60_000).toISOString();

const session = (user: string, number: number, change: Partial<ListedSession> = {}) => ({
  id: `${user}-${number}`,
  sub: `${user}-sub`,
  name: `The ${user}`,
  preferred_username: user,
  permission_level: "technician",
  created_at: minutesAgo(10),
  last_seen_at: minutesAgo(0),
  expires_at: minutesAgo(-50),
  user_agent: "curl/8",
  address: "192.0.2.7",
  current: false,
  ...change,
});

const list = (...sessions: ListedSession[]) => ({ sessions, isTruncated: false });
const first = { person: undefined, page: 1 };

test("sessions stand with their person, in the order in which Core lists them", () => {
  const sessions = list(session("ada", 1), session("grace", 1), session("ada", 2));
  const { people, sessionCount, personCount } = pageSessions(sessions, first, now);
  assert.deepEqual(
    people.map(({ username, sessions: own }) => [username, own.map(({ id }) => id)]),
    [
      ["ada", ["ada-1", "ada-2"]],
      ["grace", ["grace-1"]],
    ],
  );
  assert.deepEqual([sessionCount, personCount], [3, 2]);
});

test("a session says what it is, and times as far from now", () => {
  const { people } = pageSessions(list(session("ada", 1)), first, now);
  const [row] = people[0]?.sessions ?? [];
  assert.equal(row?.device, "curl");
  assert.equal(row?.created.text, "10 min ago");
  assert.equal(row?.created.exact, "23 Nov 2026, 20:50 UTC");
  assert.equal(row?.last_seen.text, "just now");
  assert.equal(row?.expires.text, "in 50 min");
  assert.equal(row?.other_level, undefined);
});

test("a person is called as at the newest sign-in, and a session of another level says so", () => {
  const older = { permission_level: "admin", name: "The old name", created_at: minutesAgo(30) };
  const { people } = pageSessions(list(session("ada", 1, older), session("ada", 2)), first, now);
  assert.equal(people[0]?.name, "The ada");
  assert.equal(people[0]?.level, "technician");
  assert.deepEqual(
    people[0]?.sessions.map((row) => row.other_level),
    ["admin", undefined],
  );
});

test("of many people each has the first five sessions in sight, one's own among them", () => {
  const many = Array.from({ length: 40 }, (_, i) => session("ada", i, { current: i === 30 }));
  const { people } = pageSessions(list(...many, session("grace", 1)), first, now);
  assert.deepEqual(
    people.map(({ count, sessions }) => [count, sessions.length]),
    [
      [40, 5],
      [1, 1],
    ],
  );
  assert.equal(people[0]?.sessions[0]?.current, true);
});

test("long lists come in pages: of people, and of one person's sessions", () => {
  const people = list(...Array.from({ length: 45 }, (_, i) => session(`user${i}`, 1)));
  const pageOf = (page: number) => pageSessions(people, { person: undefined, page }, now);
  assert.deepEqual(
    [1, 2, 3].map((page) => pageOf(page).people.length),
    [20, 20, 5],
  );
  assert.equal(pageOf(3).people[0]?.username, "user40");
  assert.deepEqual(
    [0, -1, 1.5, Number.NaN, 99, Number.POSITIVE_INFINITY].map((page) => pageOf(page).page),
    [1, 1, 1, 1, 3, 3],
  );

  const own = list(...Array.from({ length: 120 }, (_, i) => session("ada", i)));
  const ofAda = pageSessions(own, { person: "ada-sub", page: 3 }, now);
  assert.deepEqual([ofAda.page, ofAda.pageCount, ofAda.people[0]?.count], [3, 3, 120]);
  assert.equal(ofAda.people[0]?.sessions[0]?.id, "ada-100");
  assert.equal(ofAda.people[0]?.sessions.length, 20);
  assert.equal(pageSessions(list(), { person: "ada-sub", page: 1 }, now).pageCount, 1);
});
