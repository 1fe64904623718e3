import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { HttpError } from "@hivematrix/lib/http_error";
import { startTestPostgres } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { type AdminDouble, startAdminDouble } from "./keycloak_admin_testing.ts";
import { MemorySessionStore } from "./memory_session_store.ts";
import type { HeldSession, ProviderSession, User } from "./session_store.ts";
import { grace, ada as someone } from "./session_store_testing.ts";
import { type StartedCore, startCore, type TestCoreOptions } from "./testing.ts";

const ada = { ...someone, groups: ["technicians"] };
const sub = ada.sub;

interface Scene {
  readonly core: StartedCore;
  readonly provider: AdminDouble;
}

/** Ada and Grace, technicians both, and a Core that asks about them very often. */
async function play(
  t: TestContext,
  options: Partial<NonNullable<TestCoreOptions["reconcile"]>> = {},
  prepare: (provider: AdminDouble) => unknown = () => {},
  sessions = new MemorySessionStore(),
): Promise<Scene> {
  const provider = await startAdminDouble(t);
  for (const { sub } of [ada, grace]) {
    provider.people.set(sub, { enabled: true, groups: ["/technicians"], sessions: [] });
  }
  prepare(provider);
  const reconcile = { periodMs: 20, lookEveryMs: 3_600_000, refusalPauseMs: 50, ...options };
  const core = await startCore(t, { keycloak: provider.keycloak, sessions, reconcile });
  await waitFor(() => provider.questions.length > 0);
  return { core, provider };
}

const begin = async ({ core }: Scene, user: User = ada, session: ProviderSession = {}) =>
  (await core.sessions.create(user, 3600, session)).id;

const stateOf = async ({ core }: Scene, id: string) => (await core.sessions.check(id)).state;
const isEnded = async (scene: Scene, id: string) => (await stateOf(scene, id)) === "revoked";

/** Some rounds later, nothing that was under way has been left out. */
async function passRounds({ provider }: Scene, count = 3): Promise<void> {
  const rounds = () => provider.questions.filter((path) => path.startsWith("admin-events")).length;
  const before = rounds();
  await waitFor(() => rounds() > before + count);
}

const linesOf = ({ core }: Scene, level: string) =>
  core.logLines.filter((line) => line.includes(`"level":"${level}"`));

function change({ provider }: Pick<Scene, "provider">, id: string, changed: object): void {
  Object.assign(provider.people.get(id) ?? assert.fail(id), changed);
}

test("R9: an event about somebody leads to a look, and the disabled are out", async (t) => {
  const scene = await play(t);
  const id = await begin(scene);
  const other = await begin(scene, { ...grace, groups: ["technicians"] });
  change(scene, sub, { enabled: false });
  scene.provider.tell("UPDATE", "USER", `users/${sub}`);
  await waitFor(() => isEnded(scene, id));
  await passRounds(scene);
  assert.equal(await stateOf(scene, other), "live");
  assert.ok(!scene.provider.questions.some((path) => path.startsWith(`users/${grace.sub}`)));
});

test("each event counts once, however often it is read", async (t) => {
  const scene = await play(t);
  const id = await begin(scene);
  scene.provider.tell("DELETE", "GROUP_MEMBERSHIP", `users/${sub}/groups/another`);
  const looks = () => scene.provider.questions.filter((path) => path === `users/${sub}`).length;
  await waitFor(() => looks() > 0);
  await passRounds(scene);
  assert.equal(looks(), 1);
  assert.equal(await stateOf(scene, id), "live");
});

test("R9: an event among very many is found", async (t) => {
  const scene = await play(t);
  const id = await begin(scene);
  change(scene, sub, { enabled: false });
  const atMs = scene.provider.now();
  scene.provider.tell("UPDATE", "USER", `users/${sub}`, atMs - 1);
  for (let i = 0; i < 950; i++) scene.provider.tell("CREATE", "USER", `users/new-${i}`, atMs + i);
  await waitFor(() => isEnded(scene, id));
});

test("R9: an event that can be read only after later ones is not missed", async (t) => {
  const scene = await play(t);
  const id = await begin(scene);
  const atMs = scene.provider.now();
  scene.provider.tell("UPDATE", "USER", "users/another", atMs + 5000);
  await passRounds(scene);
  change(scene, sub, { enabled: false });
  scene.provider.tell("UPDATE", "USER", `users/${sub}`, atMs - 20_000);
  await waitFor(() => isEnded(scene, id));
});

test("R12: what happened while no Core was here is found at the start", async (t) => {
  let minutesAgo = 30;
  const now = () => Date.now() - minutesAgo * 60_000;
  const sessions = new MemorySessionStore({ now });
  const { id } = await sessions.create(ada, 3600, { sid: "old" });
  minutesAgo = 10;
  const { id: renewed } = await sessions.create(ada, 3600, { sid: "new" });
  minutesAgo = 0;
  const scene = await play(
    t,
    {},
    (provider) => {
      const begins = [30, 10].map((minutes) => provider.now() - minutes * 60_000);
      const [old = 0, renewal = 0] = begins;
      change({ provider }, sub, {
        sessions: [
          { id: "old", start: old },
          { id: "new", start: renewal },
        ],
      });
      provider.tell("ACTION", "USER", `users/${sub}/reset-password`, provider.now() - 20 * 60_000);
    },
    sessions,
  );
  await waitFor(() => isEnded(scene, id));
  await passRounds(scene);
  assert.equal(await stateOf(scene, renewed), "live");
});

for (const aheadMs of [3_600_000, -3_600_000]) {
  test(`R12: a provider whose clock is ${aheadMs} ms ahead is understood`, async (t) => {
    const scene = await play(t, {}, (provider) => provider.setClock(aheadMs));
    const { provider } = scene;
    const before = await begin(scene);
    provider.tell("ACTION", "USER", `users/${sub}/reset-password`, provider.now() + 1000);
    await waitFor(() => isEnded(scene, before));
  });
}

test("R12: a sign-in with the old password that was under way does not last", async (t) => {
  const scene = await play(t);
  const { provider } = scene;
  const begun = Math.floor(provider.now() / 1000) * 1000;
  provider.people.get(sub)?.sessions.push({ id: "old", start: begun - 2000 });
  provider.tell("ACTION", "USER", `users/${sub}/reset-password`, begun);
  await passRounds(scene);
  const late = await begin(scene, ada, { sid: "old" });
  await waitFor(() => isEnded(scene, late));
  provider.people.get(sub)?.sessions.push({ id: "new", start: begun + 1000 });
  const renewed = await begin(scene, ada, { sid: "new" });
  await passRounds(scene);
  assert.equal(await stateOf(scene, renewed), "live");
});

test("R12: a password that came with another change of a user counts as well", async (t) => {
  const scene = await play(t);
  const { provider } = scene;
  const [first, second] = [await begin(scene), await begin(scene, grace)];
  // Grace has chosen hers herself, and some time later somebody changes her address.
  change(scene, grace.sub, { passwordSetAt: provider.now(), groups: grace.groups });
  provider.tell("UPDATE", "USER", `users/${grace.sub}`, provider.now() + 10_000);
  change(scene, sub, { passwordSetAt: provider.now() });
  provider.tell("UPDATE", "USER", `users/${sub}`);
  await waitFor(() => isEnded(scene, first));
  await passRounds(scene);
  assert.equal(await stateOf(scene, second), "live");
});

test("R34: a session that is gone at the provider before its time was ended", async (t) => {
  const inAnHour = Math.floor(Date.now() / 1000) + 3600;
  const scene = await play(t, { lookEveryMs: 20 });
  change(scene, sub, { sessions: [{ id: "there", start: Date.now() }] });
  const there = await begin(scene, ada, { sid: "there", untilSeconds: inAnHour });
  const gone = { sid: "gone", untilSeconds: inAnHour, refreshToken: "of the gone one" };
  const ended = await begin(scene, ada, gone);
  const idle = await begin(scene, ada, { sid: "idle", untilSeconds: inAnHour - 3600 });
  const untold = await begin(scene, ada, { sid: "untold" });
  await waitFor(() => isEnded(scene, ended));
  await passRounds(scene);
  for (const id of [there, idle, untold]) assert.equal(await stateOf(scene, id), "live");
  // Keycloak 26 can leave one alive that is in no list.
  assert.deepEqual(scene.provider.logouts, ["of the gone one"]);
});

test("R8: a session that a tab brings back in the moment of the logout does not last", async (t) => {
  const inAnHour = Math.floor(Date.now() / 1000) + 3600;
  const scene = await play(t);
  scene.provider.tellUser("LOGOUT", sub);
  await passRounds(scene);
  const id = await begin(scene, ada, { sid: "not listed", untilSeconds: inAnHour });
  await waitFor(() => isEnded(scene, id));
});

test("R9: whoever deletes their own account is out", async (t) => {
  const scene = await play(t);
  const id = await begin(scene);
  scene.provider.people.delete(sub);
  scene.provider.tellUser("DELETE_ACCOUNT", sub);
  await waitFor(() => isEnded(scene, id));
});

test("R23: what no event tells is found by looking at everybody now and then", async (t) => {
  const scene = await play(t, { lookEveryMs: 20 });
  const id = await begin(scene);
  change(scene, sub, { groups: ["/technicians", "/admins"] });
  await waitFor(() => isEnded(scene, id));
});

test("R23: a claim that has groups by name alone fits too", async (t) => {
  const scene = await play(t, { lookEveryMs: 20 });
  change(scene, sub, { groups: ["/staff/technicians"] });
  const byName = await begin(scene);
  const byPath = await begin(scene, { ...ada, groups: ["/staff/technicians"] });
  await passRounds(scene);
  assert.deepEqual([await stateOf(scene, byName), await stateOf(scene, byPath)], ["live", "live"]);
});

test("a claim that is not made of groups costs a person one sign-in, not one each round", async (t) => {
  const scene = await play(t, { lookEveryMs: 20 });
  const user = { ...ada, groups: ["made-of-roles"] };
  const sessions = [await begin(scene, user), await begin(scene, user)];
  for (const id of sessions) await waitFor(() => isEnded(scene, id));
  const renewed = await begin(scene, user);
  await waitFor(() => linesOf(scene, "warn").some((line) => line.includes("groups claim")));
  assert.equal(await stateOf(scene, renewed), "live");
});

test("subjects that are no ids of the provider's keep nobody out", async (t) => {
  const scene = await play(t, { lookEveryMs: 20 });
  const user = { ...ada, sub: "pairwise" };
  const first = await begin(scene, user);
  await waitFor(() => isEnded(scene, first));
  const renewed = await begin(scene, user);
  await waitFor(() => linesOf(scene, "warn").some((line) => line.includes("pairwise")));
  assert.equal(await stateOf(scene, renewed), "live");
});

test("a 404 that does not say that there is no such user deletes nobody", async (t) => {
  const scene = await play(t, { lookEveryMs: 20 });
  const id = await begin(scene);
  let asked = 0;
  scene.provider.misbehave((path) => {
    if (!path.startsWith("users/")) return undefined;
    asked++;
    return new Response("<h1>Not found</h1>", { status: 404 });
  });
  await waitFor(() => asked > 3);
  assert.equal(await stateOf(scene, id), "live");
});

test("while the provider is away sessions stay, and what happened meanwhile is found", async (t) => {
  const scene = await play(t);
  const id = await begin(scene);
  await scene.provider.stop();
  await waitFor(() => linesOf(scene, "warn").length > 0);
  change(scene, sub, { enabled: false });
  scene.provider.tell("UPDATE", "USER", `users/${sub}`);
  assert.equal(await stateOf(scene, id), "live");
  await scene.provider.restart();
  await waitFor(() => isEnded(scene, id));
  await waitFor(() => linesOf(scene, "info").some((line) => line.includes("noticed again")));
  assert.equal(linesOf(scene, "warn").length, 1);
});

test("after an outage everybody is looked at, for events may be gone", async (t) => {
  const scene = await play(t);
  const id = await begin(scene);
  await passRounds(scene);
  let failures = 0;
  scene.provider.misbehave(() => {
    failures++;
    return new Response(null, { status: 500 });
  });
  change(scene, sub, { enabled: false });
  await waitFor(() => failures >= 3);
  scene.provider.misbehave(() => undefined);
  await waitFor(() => isEnded(scene, id));
});

test("a provider that does not answer is given up on in time, and asked again", async (t) => {
  const scene = await play(t, { timeoutMs: 50 });
  const id = await begin(scene);
  scene.provider.misbehave(() => new Promise<Response>(() => {}));
  await waitFor(() => linesOf(scene, "warn").length > 0);
  change(scene, sub, { enabled: false });
  scene.provider.misbehave(() => undefined);
  scene.provider.tell("UPDATE", "USER", `users/${sub}`);
  await waitFor(() => isEnded(scene, id));
});

test("an answer about one person that fails holds up nobody else, and is asked for again", async (t) => {
  const scene = await play(t);
  const [first, second] = [await begin(scene), await begin(scene, grace)];
  let isBroken = true;
  scene.provider.misbehave((path) =>
    isBroken && path.startsWith(`users/${sub}`) ? new Response(null, { status: 500 }) : undefined,
  );
  for (const id of [sub, grace.sub]) {
    change(scene, id, { enabled: false });
    scene.provider.tell("UPDATE", "USER", `users/${id}`);
  }
  await waitFor(() => isEnded(scene, second));
  await passRounds(scene);
  assert.equal(await stateOf(scene, first), "live");
  isBroken = false;
  await waitFor(() => isEnded(scene, first));
  assert.equal(linesOf(scene, "warn").length, 1, "one warning while it lasts");
});

test("a token that the provider has ceased to take is renewed, without a word", async (t) => {
  const scene = await play(t);
  const id = await begin(scene);
  const before = scene.provider.tokens;
  scene.provider.refuseTokens();
  change(scene, sub, { enabled: false });
  scene.provider.tell("UPDATE", "USER", `users/${sub}`);
  await waitFor(() => isEnded(scene, id));
  assert.equal(scene.provider.tokens, before + 1);
  assert.deepEqual([...linesOf(scene, "warn"), ...linesOf(scene, "error")], []);
});

test("without the role to see users there is one error that names it, and a later try", async (t) => {
  let isAllowed = false;
  const scene = await play(t, { lookEveryMs: 20 }, (provider) =>
    provider.misbehave((path) =>
      isAllowed || !path.startsWith("users/") ? undefined : new Response(null, { status: 403 }),
    ),
  );
  await begin(scene);
  await waitFor(() => linesOf(scene, "error").length > 0);
  await passRounds(scene);
  const [error = "", ...others] = linesOf(scene, "error");
  assert.match(error, /"view-users\\" of realm-management/);
  assert.deepEqual(others, []);
  isAllowed = true;
  await waitFor(() => linesOf(scene, "info").some((line) => line.includes("noticed again")));
});

for (const [why, prepare, says] of [
  [
    "that Core may not read",
    (provider: AdminDouble) =>
      provider.misbehave((path) =>
        path.startsWith("users/") ? undefined : new Response(null, { status: 403 }),
      ),
    "view-events",
  ],
  [
    "that the realm does not keep",
    (provider: AdminDouble) => {
      provider.settings.adminEventsEnabled = false;
    },
    "Save events",
  ],
] as const) {
  test(`R9: instead of events ${why}, everybody is looked at in every round`, async (t) => {
    const scene = await play(t, {}, prepare);
    const id = await begin(scene);
    await waitFor(() => scene.provider.questions.includes(`users/${sub}`));
    change(scene, sub, { enabled: false });
    await waitFor(() => isEnded(scene, id));
    const [warning = "", ...others] = linesOf(scene, "warn");
    assert.ok(warning.includes(says), warning);
    assert.deepEqual(others, []);
  });
}

test("a store that is away is borne like the provider, and loses nothing", async (t) => {
  class Away extends MemorySessionStore {
    isAway = false;

    override async listHeld(subs?: readonly string[]): Promise<HeldSession[]> {
      if (this.isAway) throw new HttpError(503, "Sessions cannot be read at the moment");
      return super.listHeld(subs);
    }
  }
  const sessions = new Away();
  const scene = await play(t, {}, () => {}, sessions);
  const id = await begin(scene);
  sessions.isAway = true;
  change(scene, sub, { enabled: false });
  scene.provider.tell("UPDATE", "USER", `users/${sub}`);
  await waitFor(() => linesOf(scene, "warn").length > 0);
  assert.equal(await stateOf(scene, id), "live");
  sessions.isAway = false;
  await waitFor(() => isEnded(scene, id));
});

test("several Cores that share their sessions may all ask", async (t) => {
  const { url: connectionString } = await startTestPostgres(t);
  const provider = await startAdminDouble(t);
  provider.people.set(sub, { enabled: true, groups: ["/technicians"], sessions: [] });
  const reconcile = { periodMs: 20 };
  const options = { keycloak: provider.keycloak, connectionString, reconcile };
  const cores = [await startCore(t, options), await startCore(t, options)] as const;
  const { id } = await cores[0].sessions.create(ada, 3600);
  Object.assign(provider.people.get(sub) ?? {}, { enabled: false });
  provider.tell("UPDATE", "USER", `users/${sub}`);
  for (const { sessions } of cores) {
    await waitFor(async () => (await sessions.check(id)).state === "revoked");
  }
  const lines = cores.flatMap(({ logLines }) => logLines);
  assert.equal(lines.filter((line) => line.includes("session ended")).length, 1, "ended by one");
  assert.equal(lines.filter((line) => line.includes('"level":"error"')).length, 0);
});

test("a closed reconciler asks nothing more, whatever was under way", async (t) => {
  const scene = await play(t);
  scene.provider.misbehave(() => new Promise<Response>(() => {}));
  const before = scene.provider.questions.length;
  await waitFor(() => scene.provider.questions.length > before);
  // startCore's own end closes it; that it does not hang is the test.
});
