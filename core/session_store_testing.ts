// The behaviour that every session store has; each implementation's test runs this set.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { hashSessionId } from "./session_id.ts";
import {
  clockLeewaySeconds,
  lateLogoutSeconds,
  type SessionStore,
  type SessionStoreOptions,
  type User,
} from "./session_store.ts";

export type CreateStore = (t: TestContext, options: SessionStoreOptions) => Promise<SessionStore>;

/** Ends one session. @returns the provider's side of it, to the first who ends it */
export async function revoke(store: SessionStore, id: string) {
  const [ended] = await store.end({ id });
  return ended === undefined || ended.wasRevoked ? undefined : ended.provider;
}

export const ada: User = {
  sub: "ada-sub",
  name: "Ada Lovelace",
  email: "ada@example.org",
  preferred_username: "ada",
  permission_level: "technician",
  groups: ["technicians", "/x/admins"],
};

export const grace: User = { ...ada, sub: "grace-sub", preferred_username: "grace" };

export const toHash = (id: string) => hashSessionId(id).toString("hex");

const provider = { sid: "provider-sid", refreshToken: "refresh-token" };

/** A clock that stands still until a test moves it. */
export function createTestClock(startSeconds = 1_800_000_000) {
  let milliseconds = startSeconds * 1000 + 999;
  return {
    now: () => milliseconds,
    advance: (seconds: number) => {
      milliseconds += seconds * 1000;
    },
    startSeconds,
  };
}

export function testSessionStore(name: string, createStore: CreateStore): void {
  test(`a session is live and carries its user from creation on (${name})`, async (t) => {
    const clock = createTestClock();
    const store = await createStore(t, clock);
    const session = await store.create(ada, 3600);
    assert.deepEqual(session, {
      id: session.id,
      user: ada,
      createdAtSeconds: clock.startSeconds,
      expiresAtSeconds: clock.startSeconds + 3600,
    });
    assert.deepEqual(await store.check(session.id), { state: "live", session });
  });

  test(`R6: each session has an id of its own, of 256 random bits (${name})`, async (t) => {
    const store = await createStore(t, {});
    const ids = new Set<string>();
    for (let i = 0; i < 20; i++) ids.add((await store.create(ada, 3600)).id);
    assert.equal(ids.size, 20);
    for (const id of ids) assert.equal(Buffer.from(id, "base64url").length, 32);
  });

  test(`an id that was never given is unknown (${name})`, async (t) => {
    const store = await createStore(t, {});
    for (const id of ["", "x", "'; drop table sessions; --", "\u0000", "ä".repeat(10_000)]) {
      assert.deepEqual(await store.check(id), { state: "unknown" });
      assert.equal(await revoke(store, id), undefined);
    }
  });

  test(`R10: a session ends at its absolute limit, however much it is used (${name})`, async (t) => {
    const clock = createTestClock();
    const store = await createStore(t, { ...clock, idleSeconds: 1000 });
    const { id } = await store.create(ada, 3600);
    for (let second = 0; second < 3600; second += 400) {
      assert.equal((await store.check(id)).state, "live", `after ${second} s`);
      clock.advance(400);
    }
    assert.deepEqual(await store.check(id), { state: "expired" });
  });

  test(`the limit is met to the second (${name})`, async (t) => {
    const clock = createTestClock();
    const store = await createStore(t, clock);
    const { id } = await store.create(ada, 3600);
    clock.advance(3599);
    assert.equal((await store.check(id)).state, "live");
    clock.advance(1);
    assert.equal((await store.check(id)).state, "expired");
  });

  test(`R10: with an idle limit, an unused session ends earlier, a used one does not (${name})`, async (t) => {
    const clock = createTestClock();
    const store = await createStore(t, { ...clock, idleSeconds: 600 });
    const used = await store.create(ada, 3600);
    const unused = await store.create(ada, 3600);
    clock.advance(599);
    assert.equal((await store.check(used.id)).state, "live");
    assert.equal((await store.check(unused.id, { isUse: false })).state, "live");
    clock.advance(1);
    assert.deepEqual(await store.check(unused.id), { state: "idle" }, "a look is no use");
    clock.advance(598);
    assert.equal((await store.check(used.id)).state, "live");
    assert.deepEqual(await store.check(unused.id), { state: "idle" });
  });

  test(`a revoked session is over at once, and others are not (${name})`, async (t) => {
    const store = await createStore(t, {});
    const session = await store.create(ada, 3600);
    const other = await store.create(ada, 3600);
    await revoke(store, session.id);
    assert.deepEqual(await store.check(session.id), { state: "revoked" });
    assert.equal((await store.check(other.id)).state, "live");
  });

  test(`a revoke hands out the provider's side of the session, once (${name})`, async (t) => {
    const store = await createStore(t, {});
    const session = await store.create(ada, 3600, provider);
    assert.deepEqual(await revoke(store, session.id), provider);
    assert.equal(await revoke(store, session.id), undefined);
  });

  test(`of many revokes at once, exactly one gets the provider's tokens (${name})`, async (t) => {
    const store = await createStore(t, {});
    const { id } = await store.create(ada, 3600, provider);
    const results = await Promise.all(Array.from({ length: 12 }, () => revoke(store, id)));
    assert.deepEqual(
      results.filter((result) => result !== undefined),
      [provider],
    );
  });

  test(`a session without a provider's side revokes too (${name})`, async (t) => {
    const store = await createStore(t, {});
    const { id } = await store.create(ada, 3600);
    const revoked = await revoke(store, id);
    assert.equal(revoked?.refreshToken, undefined);
    assert.notEqual(revoked, undefined);
  });

  test(`an end says what it met: live, expired or ended before (${name})`, async (t) => {
    const clock = createTestClock();
    const store = await createStore(t, clock);
    const { id } = await store.create(ada, 60);
    const expired = await store.create(ada, 30);
    clock.advance(30);
    const hash = toHash(id);
    const none = { sid: undefined, refreshToken: undefined };
    const [first] = await store.end({ id });
    assert.deepEqual(first && { ...first, provider: { ...none, ...first.provider } }, {
      hash,
      sub: ada.sub,
      wasLive: true,
      wasRevoked: false,
      provider: none,
    });
    const [again] = await store.end({ hash });
    assert.deepEqual([again?.hash, again?.wasLive, again?.wasRevoked], [hash, false, true]);
    const [late] = await store.end({ id: expired.id });
    assert.deepEqual([late?.wasLive, late?.wasRevoked], [false, false]);
  });

  test(`a session ends by its hash, for its owner or for anyone (${name})`, async (t) => {
    const store = await createStore(t, {});
    const { id } = await store.create(ada, 60);
    assert.deepEqual(await store.end({ hash: toHash(id), sub: grace.sub }), []);
    assert.equal((await store.check(id)).state, "live");
    assert.equal((await store.end({ hash: toHash(id), sub: ada.sub })).length, 1);
    assert.equal((await store.check(id)).state, "revoked");
    assert.deepEqual(await store.end({ hash: "0".repeat(64) }), []);
  });

  test(`all sessions of a person end, of nobody else, and one may be left out (${name})`, async (t) => {
    const store = await createStore(t, {});
    const current = await store.create(ada, 60);
    for (let i = 0; i < 250; i++) await store.create(ada, 60, provider);
    const other = await store.create(grace, 60);
    const ended = await store.end({ sub: ada.sub, except: [toHash(current.id)] });
    assert.equal(ended.filter(({ wasLive }) => wasLive).length, 250);
    assert.equal(ended[7]?.provider.refreshToken, provider.refreshToken);
    assert.equal((await store.check(current.id)).state, "live");
    assert.equal((await store.end({ sub: ada.sub })).filter(({ wasLive }) => wasLive).length, 1);
    assert.equal((await store.check(current.id)).state, "revoked");
    assert.equal((await store.check(other.id)).state, "live");
  });

  test(`sessions end by the provider's id of them, also a second time (${name})`, async (t) => {
    const store = await createStore(t, {});
    const { id } = await store.create(ada, 60, { sid: "one" });
    const other = await store.create(ada, 60, { sid: "two" });
    await store.create(ada, 60);
    const states = async () => (await store.end({ sid: "one" })).map(({ wasLive }) => wasLive);
    assert.deepEqual(await states(), [true]);
    assert.deepEqual(await states(), [false]);
    assert.equal((await store.check(id)).state, "revoked");
    assert.equal((await store.check(other.id)).state, "live");
  });

  test(`R10: idle sessions end, used ones do not, and use brings no idle one back (${name})`, async (t) => {
    const clock = createTestClock();
    const store = await createStore(t, { ...clock, idleSeconds: 600 });
    const idle = await store.create(ada, 3600);
    const used = await store.create(ada, 3600);
    clock.advance(300);
    await store.noteUse([toHash(used.id), "0".repeat(64)]);
    clock.advance(300);
    await store.noteUse([toHash(idle.id)]);
    assert.deepEqual(await store.check(idle.id), { state: "idle" });
    const ended = await store.end({ idle: true });
    assert.deepEqual(
      ended.map(({ hash }) => hash),
      [toHash(idle.id)],
    );
    assert.deepEqual(await store.end({ idle: true }), []);
    assert.equal((await store.check(used.id)).state, "live");
  });

  test(`R10: without an idle limit no session is idle (${name})`, async (t) => {
    const clock = createTestClock();
    const store = await createStore(t, clock);
    const { id } = await store.create(ada, 10_000);
    clock.advance(9_999);
    assert.deepEqual(await store.end({ idle: true }), []);
    assert.equal((await store.check(id)).state, "live");
  });

  test(`R11: the list has a person's live sessions with their devices, the last used first (${name})`, async (t) => {
    const clock = createTestClock();
    const store = await createStore(t, { ...clock, idleSeconds: 600 });
    const device = { userAgent: "Firefox", address: "192.0.2.7" };
    const first = await store.create(ada, 3600, provider, device);
    const second = await store.create(ada, 3600);
    const gone = [await store.create(ada, 3600), await store.create(ada, 60)] as const;
    await store.end({ id: gone[0].id });
    await store.create(grace, 3600);
    clock.advance(100);
    await store.noteUse([toHash(first.id)]);
    const listed = await store.list(ada.sub, 10);
    assert.deepEqual(listed, [
      {
        hash: toHash(first.id),
        user: ada,
        createdAtSeconds: clock.startSeconds,
        lastSeenAtSeconds: clock.startSeconds + 100,
        expiresAtSeconds: clock.startSeconds + 3600,
        device,
      },
      listed[1],
    ]);
    assert.equal(listed[1]?.hash, toHash(second.id));
    assert.deepEqual({ ...listed[1]?.device }.userAgent, undefined);
    assert.equal((await store.list(undefined, 10)).length, 3);
    assert.equal((await store.list(undefined, 2)).length, 2);
    clock.advance(500);
    assert.equal((await store.list(ada.sub, 10)).length, 1, "an idle session is none to see");
  });

  test(`R11: the list is searched by a part of a name, and nothing in it is a pattern (${name})`, async (t) => {
    const store = await createStore(t, {});
    await store.create(ada, 3600);
    const hopper = { ...grace, name: "Grace Hopper", email: "g_h%@example.org" };
    await store.create(hopper, 3600);
    const find = async (search: string) =>
      (await store.list(undefined, 10, search)).map(({ user }) => user.sub);
    for (const search of ["lovel", "LOVELACE", "ada@example", "ada-sub"]) {
      assert.deepEqual(await find(search), ["ada-sub"], search);
    }
    for (const search of ["grace", "e h", "g_h%"]) {
      assert.deepEqual(await find(search), ["grace-sub"], search);
    }
    for (const search of ["g%r", "_", "a-sub", "lovelace\nada", "' or true --", "\\"]) {
      const expected = search === "_" ? ["grace-sub"] : [];
      assert.deepEqual(await find(search), expected, search);
    }
    assert.equal((await find("example.org")).length, 2);
    assert.equal((await store.list(undefined, 1, "example.org")).length, 1);
    assert.deepEqual(await store.list(ada.sub, 10, "grace"), []);
  });

  test(`R9: what sessions rest on at the provider is listed, of all people or of some (${name})`, async (t) => {
    const clock = createTestClock();
    const store = await createStore(t, { ...clock, idleSeconds: 600 });
    const untilSeconds = clock.startSeconds + 1800;
    const first = await store.create(ada, 3600, { ...provider, untilSeconds });
    const other = await store.create(grace, 3600);
    const gone = [await store.create(ada, 3600), await store.create(ada, 60)] as const;
    await store.end({ id: gone[0].id });
    clock.advance(60);
    const held = await store.listHeld([ada.sub, "nobody"]);
    assert.deepEqual(held, [
      {
        hash: toHash(first.id),
        sub: ada.sub,
        groups: ada.groups,
        createdAtSeconds: clock.startSeconds,
        provider: { sid: provider.sid, untilSeconds },
      },
    ]);
    assert.deepEqual(await store.listHeld([]), []);
    const all = await store.listHeld();
    assert.deepEqual(
      all.map(({ hash }) => hash).sort(),
      [first, other].map(({ id }) => toHash(id)).sort(),
    );
    const bare = all.find(({ sub }) => sub === grace.sub)?.provider;
    assert.deepEqual([bare?.sid, bare?.untilSeconds], [undefined, undefined]);
    clock.advance(600);
    assert.deepEqual(await store.listHeld(), [], "an idle session is none any more");
  });

  test(`several sessions may be left out of an end (${name})`, async (t) => {
    const store = await createStore(t, {});
    const ids: string[] = [];
    for (let i = 0; i < 4; i++) ids.push((await store.create(ada, 60)).id);
    const except = ids.slice(1, 3).map(toHash);
    assert.equal((await store.end({ sub: ada.sub, except })).length, 2);
    const left = (await store.listHeld()).map(({ hash }) => hash);
    assert.deepEqual(left.sort(), except.sort());
  });

  test(`what counts once is remembered until it does not matter any more (${name})`, async (t) => {
    const clock = createTestClock();
    const store = await createStore(t, clock);
    assert.equal(await store.isUsed("a"), false);
    for (let round = 0; round < 2; round++) await store.markUsed("a", clock.startSeconds + 60);
    await store.markUsed("b", clock.startSeconds + 120);
    assert.equal(await store.isUsed("a"), true);
    assert.equal(await store.isUsed("c"), false);
    clock.advance(60);
    await store.removeExpired();
    assert.deepEqual([await store.isUsed("a"), await store.isUsed("b")], [false, true]);
  });

  test(`expired comes before revoked, in the contract's order (${name})`, async (t) => {
    const clock = createTestClock();
    const store = await createStore(t, clock);
    const { id } = await store.create(ada, 60);
    await revoke(store, id);
    clock.advance(60);
    assert.deepEqual(await store.check(id), { state: "expired" });
  });

  test(`the clean-up forgets expired sessions and keeps live and revoked ones (${name})`, async (t) => {
    const clock = createTestClock();
    const store = await createStore(t, clock);
    const short = await store.create(ada, 60);
    const long = await store.create(ada, 3600);
    const revoked = await store.create(ada, 3600, provider);
    await revoke(store, revoked.id);
    assert.equal(await store.removeExpired(), 0);
    clock.advance(60);
    assert.equal(await store.removeExpired(), 1);
    assert.deepEqual(await store.check(short.id), { state: "unknown" });
    assert.equal((await store.check(long.id)).state, "live");
    assert.equal((await store.check(revoked.id)).state, "revoked");
    clock.advance(3600);
    assert.equal(await store.removeExpired(), 2);
  });

  test(`an expired session can still end the provider's, until a late logout is too late (${name})`, async (t) => {
    const clock = createTestClock();
    const store = await createStore(t, clock);
    const late = await store.create(ada, 60, provider);
    const tooLate = await store.create(ada, 60, provider);
    clock.advance(60 + lateLogoutSeconds - 1);
    assert.equal(await store.removeExpired(), 0);
    assert.deepEqual(await store.check(late.id), { state: "expired" });
    assert.deepEqual(await revoke(store, late.id), provider);
    clock.advance(1);
    assert.equal(await store.removeExpired(), 2);
    assert.equal(await revoke(store, tooLate.id), undefined);
  });

  test(`a clock set back an hour carries no session past its limit (${name})`, async (t) => {
    const clock = createTestClock();
    const store = await createStore(t, clock);
    const { id } = await store.create(ada, 3600);
    clock.advance(-3600);
    assert.deepEqual(await store.check(id), { state: "expired" });
    assert.equal(await store.removeExpired(), 1);
    clock.advance(3600);
    assert.deepEqual(await store.check(id), { state: "unknown" });
  });

  test(`a clock corrected by some seconds signs nobody out (${name})`, async (t) => {
    const clock = createTestClock();
    const store = await createStore(t, clock);
    const { id } = await store.create(ada, 3600);
    clock.advance(-clockLeewaySeconds);
    assert.equal((await store.check(id)).state, "live");
    assert.equal(await store.removeExpired(), 0);
  });

  test(`a user's data comes back as it was, whatever is in it (${name})`, async (t) => {
    const store = await createStore(t, {});
    const user = { ...ada, name: 'O\'Brien "🐝" \\ {}%s', groups: ["a,b", '{"c"}', "/d/e", ""] };
    const session = await store.create(user, 3600);
    const checked = await store.check(session.id);
    assert.deepEqual(checked.state === "live" && checked.session.user, user);
  });

  test(`a reachable store answers a ping (${name})`, async (t) => {
    const store = await createStore(t, {});
    await store.ping();
  });
}
