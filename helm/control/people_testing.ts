// One test set for what Helm does to users and groups, whichever provider keeps them.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { findFreePort } from "@hivematrix/lib/postgres_testing";
import { startTestPostgres, type TestScope } from "@hivematrix/lib/testing";
import { adaUserinfo, type StartedCore, startCore } from "../../core/testing.ts";
import {
  type AdminPlace,
  createIdentityAdmin,
  type IdentityAdmin,
  type IdentityUser,
} from "../keycloak/admin_client.ts";
import { IdentityError, SessionsLeftError } from "../keycloak/identity_error.ts";
import type { TestBrowser } from "../keycloak/testing_browser.ts";
import { createAskCore } from "./ask_core.ts";
import { createPeople, type People } from "./people.ts";

export interface PeopleProvider {
  readonly adminPlace: AdminPlace;
  openBrowser(): TestBrowser;
}

const insist = { isForced: false };

/** @param start a provider with the groups admins, technicians and billing, and no administrator */
export function testPeople(
  name: string,
  start: (scope: TestScope) => Promise<PeopleProvider>,
  { skip = false }: { skip?: string | false } = {},
): void {
  describe(`people at ${name}`, { skip }, () => {
    let provider: PeopleProvider;
    let core: StartedCore;
    let admin: IdentityAdmin;
    let people: People;
    const peopleWith = (change: Partial<IdentityAdmin>, coreUrl = core.url) =>
      createPeople({
        admin: { ...admin, ...change },
        askCore: createAskCore(coreUrl, core.basicOf("helm")),
      });
    const cleanUps: (() => unknown)[] = [];
    // What is registered with node:test's own "after" within a hook is called when the hook ends.
    const scope = { after: (cleanUp: () => unknown) => void cleanUps.push(cleanUp) };
    after(async () => {
      for (const cleanUp of cleanUps.reverse()) await cleanUp();
    });
    before(async () => {
      provider = await start(scope);
      const { url: connectionString } = await startTestPostgres(scope);
      core = await startCore(scope, { services: ["helm"], connectionString });
      admin = createIdentityAdmin(provider.adminPlace);
      scope.after(() => admin.close());
      people = peopleWith({});
    });

    const password = "long-enough-secret";
    const create = (groups: readonly string[] = []) =>
      people.create({ ...named(unique("user")), groups, password, isTemporary: false });
    /** A session of the platform, and one of the provider. */
    const signIn = async (user: IdentityUser) => {
      await provider.openBrowser().signIn(user.username, password);
      return await core.signIn({ ...adaUserinfo, sub: user.id, preferred_username: user.username });
    };
    const isLive = async (token: string) => (await core.post("/api/token/validate", { token })).ok;
    const sessionsOf = async (user: IdentityUser) => (await admin.listSessions(user.id)).length;

    test("R9: who is disabled is refused at the next request, here and at the provider", async () => {
      const user = await create();
      const other = await create();
      const [token, second, others] = [await signIn(user), await signIn(user), await signIn(other)];
      assert.equal(await sessionsOf(user), 2);
      assert.deepEqual(await people.disable(user, insist), { ended: 2 });
      assert.deepEqual([await isLive(token), await isLive(second)], [false, false]);
      assert.equal(await sessionsOf(user), 0);
      await assert.rejects(provider.openBrowser().signIn(user.username, password));
      assert.deepEqual([await isLive(others), await sessionsOf(other)], [true, 1]);
      await people.enable(user);
      assert.ok(await isLive(await signIn(user)));
    });

    test("R9: who is deleted is refused at the next request", async () => {
      const user = await create();
      const token = await signIn(user);
      assert.deepEqual(await people.remove(user, insist), { ended: 1 });
      assert.equal(await isLive(token), false);
      assert.equal(await people.findById(user.id), undefined);
    });

    test("R12: another password ends all sessions, and the old one opens nothing", async () => {
      const user = await create();
      const token = await signIn(user);
      const changed = await people.resetPassword(user, "another-long-secret", {
        isTemporary: false,
      });
      assert.deepEqual(changed, { ended: 1 });
      assert.deepEqual([await isLive(token), await sessionsOf(user)], [false, 0]);
      await assert.rejects(provider.openBrowser().signIn(user.username, password));
      await provider.openBrowser().signIn(user.username, "another-long-secret");
    });

    test("R23: a change of groups ends what rests on the former ones at once", async () => {
      const user = await create(["billing"]);
      const token = await signIn(user);
      const change = { add: ["technicians", "billing"], remove: ["admins"] };
      const changed = await people.changeGroups(user, change, insist);
      assert.deepEqual(changed, { added: ["technicians"], removed: [], ended: 1 });
      assert.equal(await isLive(token), false);
      assert.deepEqual((await people.describe(user)).groups, ["billing", "technicians"]);
      const again = await signIn(user);
      const none = await people.changeGroups(user, { add: ["billing"], remove: [] }, insist);
      assert.deepEqual(none, { added: [], removed: [], ended: 0 });
      assert.ok(await isLive(again), "nothing was changed, so nothing ends");
      await people.changeGroups(user, { add: [], remove: ["billing", "technicians"] }, insist);
      assert.deepEqual((await people.describe(user)).groups, []);
      const unknown = { add: ["billing", "nosuch"], remove: [] };
      await assert.rejects(people.changeGroups(user, unknown, insist), {
        status: 404,
        message: /there is no group "nosuch", only .*billing/,
      });
      assert.deepEqual((await people.describe(user)).groups, [], "nothing by halves");
    });

    test("the last enabled administrator stays one, unless somebody insists", async () => {
      const last = await create(["admins"]);
      const message = /this is the last enabled member of "admins", and nobody could open/;
      const refused = { status: 409, message };
      const leave = { add: [], remove: ["admins"] };
      await assert.rejects(people.disable(last, insist), refused);
      await assert.rejects(people.remove(last, insist), refused);
      await assert.rejects(people.changeGroups(last, leave, insist), refused);
      const disabled = await create(["admins"]);
      await people.disable(disabled, insist);
      await assert.rejects(people.disable(last, insist), refused, "a disabled one does not count");
      await people.remove(disabled, insist);
      const other = await create(["admins"]);
      await people.disable(last, insist);
      await assert.rejects(people.remove(other, insist), refused);
      await people.changeGroups(other, leave, { isForced: true });
    });

    test("a change whose sessions could not be ended is done, and says what ends them", async () => {
      const user = await create(["billing"]);
      const token = await signIn(user);
      const coreIsAway = peopleWith({}, `http://127.0.0.1:${await findFreePort()}`);
      const changed = await coreIsAway.changeGroups(user, { add: [], remove: ["billing"] }, insist);
      const left = `Sessions of "${user.username}" may live on`;
      assert.equal(
        changed.problem,
        `${left} (Core cannot be reached): "helm sessions revoke-all ${user.id}" ends them`,
      );
      assert.deepEqual((await people.describe(user)).groups, []);
      const fails = async () => {
        throw new IdentityError("end the sessions", "the identity provider is tired");
      };
      const end = await peopleWith({ logoutUser: fails }).signOut(user);
      assert.equal(
        end.problem,
        `${left} (the identity provider is tired): "helm users sign-out ${user.id}" ends them`,
      );
      assert.equal(end.ended, 1, "the one does not keep the other from ending");
      assert.equal(await isLive(token), false);
      assert.deepEqual(await people.signOut(user), { ended: 0 });
      assert.equal(await sessionsOf(user), 0);
    });

    test("R9: sessions that the provider left over are ended by a second try, or said", async () => {
      const user = await create();
      const token = await signIn(user);
      const leaves = async (id: string, isEnabled: boolean) => {
        await admin.setEnabled(id, isEnabled);
        throw new SessionsLeftError("end the sessions", "the identity provider is tired");
      };
      const end = await peopleWith({ setEnabled: leaves }).disable(user, insist);
      assert.deepEqual([end, await isLive(token)], [{ ended: 1 }, false]);
      const logoutUser = async () => {
        throw new IdentityError("end the sessions", "the identity provider sleeps");
      };
      const left = await peopleWith({ setEnabled: leaves, logoutUser }).disable(user, insist);
      assert.match(left.problem ?? "", /\(the identity provider sleeps\): "helm users sign-out/);
    });

    test("a change that is refused names the user, and ends nothing", async () => {
      const user = await create();
      const token = await signIn(user);
      const deleteUser = async (id: string) => {
        throw new IdentityError(`delete user ${id}`, "no", { status: 400 });
      };
      await assert.rejects(peopleWith({ deleteUser }).remove(user, insist), {
        name: "IdentityError",
        message: `Cannot delete "${user.username}": no`,
        status: 400,
      });
      assert.ok(await isLive(token));
    });

    test("a name that nobody has leads to those that are like it", async () => {
      const user = await create();
      const wrong = `${user.username.slice(0, -1)}_`;
      await assert.rejects(people.find("show", wrong), {
        status: 404,
        message: `Cannot show: there is no user "${wrong}"; did you mean "${user.username}"?`,
      });
      await assert.rejects(people.find("show", "x"), /"helm users list" shows who there is/);
      assert.equal((await people.find("show", user.username.toUpperCase())).id, user.id);
      assert.equal((await people.find("show", user.id)).id, user.id);
      assert.equal(await people.findById(user.username), undefined);
    });

    test("a list has everybody with their groups", async () => {
      const user = await create(["technicians", "billing"]);
      const { users, isTruncated } = await people.list({ search: user.username, max: 5 });
      assert.deepEqual(users, [{ ...user, groups: ["billing", "technicians"] }]);
      assert.equal(isTruncated, false);
      assert.equal((await people.list({ max: 1 })).isTruncated, true);
    });
  });
}

function named(username: string) {
  return { username, email: `${username}@example.org`, firstName: "Uta", lastName: "User" };
}

function unique(name: string): string {
  return `${name}-${randomBytes(5).toString("hex")}`;
}
