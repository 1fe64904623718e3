// One test set for the admin client, whichever provider answers.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import type { TestScope } from "@hivematrix/lib/testing";
import {
  type AdminPlace,
  createIdentityAdmin,
  type IdentityAdmin,
  type NewUser,
} from "./admin_client.ts";
import { IdentityError } from "./identity_error.ts";

/**
 * @param start a provider with the groups admins, technicians and billing, where the client of the
 *   place may administer
 */
export function testIdentityAdmin(
  name: string,
  start: (scope: TestScope) => Promise<AdminPlace>,
  { skip = false }: { skip?: string | false } = {},
): void {
  describe(`the admin client against ${name}`, { skip }, () => {
    let place: AdminPlace;
    let admin: IdentityAdmin;
    const cleanUps: (() => unknown)[] = [];
    before(async () => {
      place = await start({ after: (cleanUp) => void cleanUps.unshift(cleanUp) });
      admin = createIdentityAdmin(place);
    });
    after(async () => {
      await admin?.close();
      for (const cleanUp of cleanUps) await cleanUp();
    });

    test("a user who is created is found by name, by id and in the list", async () => {
      const username = unique("grace");
      const created = await admin.createUser({
        ...newUser(username),
        email: `${username}@Example.org`,
        firstName: "Grace",
        lastName: "Hopper",
      });
      assert.equal(created.username, username);
      assert.equal(created.email, `${username}@example.org`);
      assert.deepEqual([created.firstName, created.lastName], ["Grace", "Hopper"]);
      assert.deepEqual([created.isEnabled, created.mustChangePassword], [true, false]);
      assert.ok(Math.abs((created.createdAt?.getTime() ?? 0) - Date.now()) < 60_000);
      assert.deepEqual(await admin.findUser(username.toUpperCase()), created);
      assert.deepEqual(await admin.findUser(created.id), created);
      assert.deepEqual((await admin.listUsers({ search: username })).users, [created]);
    });

    test("nobody is found by a part of a name, by nothing, or by what is no id", async () => {
      const username = unique("partial");
      await admin.createUser(newUser(username));
      const wrong = [
        "..",
        ".",
        "",
        "a/b",
        "%2e%2e",
        "../groups",
        "count",
        "00000000-0000-4000-8000-000000000000",
      ];
      for (const name of [username.slice(0, -1), ...wrong]) {
        assert.equal(await admin.findUser(name), undefined, name);
      }
    });

    test("a name that is taken is refused, whatever its case, and so is an e-mail address", async () => {
      const username = unique("twice");
      const email = `${username}@example.org`;
      await admin.createUser({ ...newUser(username), email });
      const again = newUser(username.toUpperCase());
      const message = new RegExp(`^Cannot create user "${again.username}": .*exists`);
      await refused(admin.createUser(again), { status: 409, message });
      await refused(admin.createUser({ ...newUser(unique("other")), email }), {
        status: 409,
        message: /exists/,
      });
    });

    test("a user is created with groups, or not at all when one of them is unknown", async () => {
      const username = unique("member");
      const wrong = { ...newUser(username), groups: ["billing", "nosuch"] };
      await refused(admin.createUser(wrong), {
        message: /there is no group "nosuch"; the groups are: .*admins.*billing/,
      });
      assert.equal(await admin.findUser(username), undefined);
      const { id } = await admin.createUser({ ...wrong, groups: ["technicians", "billing"] });
      assert.deepEqual(await admin.groupsOf(id), ["billing", "technicians"]);
    });

    test("memberships come and go, twice without harm", async () => {
      const { id } = await admin.createUser(newUser(unique("mover")));
      await admin.addToGroup(id, "billing");
      await admin.addToGroup(id, "billing");
      assert.deepEqual(await admin.groupsOf(id), ["billing"]);
      assert.ok((await admin.listMembers("billing")).some((member) => member.id === id));
      await admin.removeFromGroup(id, "billing");
      await admin.removeFromGroup(id, "billing");
      assert.deepEqual(await admin.groupsOf(id), []);
      assert.ok(!(await admin.listMembers("billing")).some((member) => member.id === id));
      await refused(admin.listMembers("nosuch"), { message: /no group "nosuch"/ });
      await refused(admin.addToGroup(id, "nosuch"), { message: /no group "nosuch"/ });
      await refused(admin.removeFromGroup(id, "nosuch"), { message: /no group "nosuch"/ });
    });

    test("names of people and groups are kept whatever is in them", async () => {
      const group = unique('Nord & Süd / 100% "Käse" O\'Brien');
      await admin.createGroup(group);
      await refused(admin.createGroup(group), { status: 409 });
      assert.ok((await admin.listGroups()).some(({ name }) => name === group));
      const names = { firstName: "Åsa Mária", lastName: "d'Ørsted-Łęcki" };
      const username = unique("åsa.ørsted-1_x");
      const created = await admin.createUser({ ...newUser(username), ...names, groups: [group] });
      assert.equal(created.username, username);
      assert.deepEqual([created.firstName, created.lastName], Object.values(names));
      assert.deepEqual(await admin.groupsOf(created.id), [group]);
      assert.deepEqual(await admin.findUser(username), created);
      await admin.removeFromGroup(created.id, group);
      assert.deepEqual(await admin.groupsOf(created.id), []);
    });

    test("a user name with blanks or control characters is refused", async () => {
      for (const username of ["two words", "line\nbreak", " ", "a<b>"]) {
        await refused(admin.createUser(newUser(username)), { status: 400 });
      }
    });

    test("a disabled user is kept, with all that is known of them", async () => {
      const username = unique("leaver");
      const user = { ...newUser(username), email: `${username}@example.org`, firstName: "Lea" };
      const created = await admin.createUser(user);
      await admin.setEnabled(created.id, false);
      assert.deepEqual(await admin.findUser(created.id), { ...created, isEnabled: false });
      await admin.setEnabled(created.id, true);
      assert.deepEqual(await admin.findUser(created.id), created);
    });

    test("a temporary password asks for another one, a lasting one does not", async () => {
      const user = { ...newUser(unique("newcomer")), isTemporary: true };
      const { id, mustChangePassword } = await admin.createUser(user);
      assert.equal(mustChangePassword, true);
      await admin.resetPassword(id, "another-secret", { isTemporary: false });
      assert.equal((await admin.findUser(id))?.mustChangePassword, false);
      await admin.resetPassword(id, "yet-another-secret", { isTemporary: true });
      assert.equal((await admin.findUser(id))?.mustChangePassword, true);
    });

    test("a deleted user is gone", async () => {
      const { id, username } = await admin.createUser(newUser(unique("goer")));
      await admin.deleteUser(id);
      assert.equal(await admin.findUser(id), undefined);
      assert.equal(await admin.findUser(username), undefined);
    });

    test("what concerns nobody is refused with 404", async () => {
      const id = "00000000-0000-4000-8000-000000000000";
      for (const attempt of [
        () => admin.setEnabled(id, false),
        () => admin.deleteUser(id),
        () => admin.resetPassword(id, "some-secret", { isTemporary: false }),
        () => admin.groupsOf(id),
        () => admin.addToGroup(id, "billing"),
        () => admin.removeFromGroup(id, "billing"),
        () => admin.listSessions(id),
        () => admin.logoutUser(id),
        () => admin.endSession(id),
      ]) {
        await refused(attempt(), {
          status: 404,
          message: /^Cannot .*not find|^Cannot .*not found/i,
        });
      }
    });

    test("three hundred users come in pages, each once", async () => {
      const prefix = unique("many");
      const numbers = Array.from({ length: 300 }, (_, index) => `${index}`.padStart(3, "0"));
      const names = numbers.map((number) => `${prefix}${number}`);
      await createUsers(place, names);
      const all = await admin.listUsers({ search: prefix, max: 300 });
      assert.deepEqual(
        all.users.map((user) => user.username),
        names,
      );
      assert.equal(all.isTruncated, false);
      const page = await admin.listUsers({ search: prefix, first: 100, max: 50 });
      assert.deepEqual(
        page.users.map((user) => user.username),
        names.slice(100, 150),
      );
      assert.equal(page.isTruncated, true);
      assert.equal((await admin.listUsers({ search: prefix })).users.length, 100);
      assert.deepEqual((await admin.listUsers({ search: prefix, first: 300 })).users, []);
    });

    test("a search finds parts of names and addresses, each word for itself", async () => {
      const mark = unique("q");
      const user = { ...newUser(`find${mark}`), firstName: `Ina${mark}`, lastName: `Zuse${mark}` };
      const { id } = await admin.createUser({ ...user, email: `mail${mark}@example.org` });
      for (const search of [
        `ind${mark}`,
        `NA${mark}`,
        `use${mark}`,
        `ail${mark}@ex`,
        `na${mark} use${mark}`,
      ]) {
        const { users } = await admin.listUsers({ search });
        assert.deepEqual(
          users.map((each) => each.id),
          [id],
          search,
        );
      }
      assert.deepEqual((await admin.listUsers({ search: `na${mark} nobody` })).users, []);
    });

    test("sessions of somebody who never signed in are none, and ending them is no error", async () => {
      const { id } = await admin.createUser(newUser(unique("absent")));
      assert.deepEqual(await admin.listSessions(id), []);
      await admin.logoutUser(id);
    });

    test("a wrong secret is said with the settings that hold it", async () => {
      const other = createIdentityAdmin({ ...place, clientSecret: "wrong" });
      await refused(other.listUsers(), {
        status: 401,
        message:
          /^Cannot list users: .*"helm".*keycloak\.admin_client_id and keycloak\.admin_client_secret/,
      });
      await other.close();
    });

    test("a provider that is away is said, and that nothing was done", async () => {
      const other = createIdentityAdmin({ ...place, backendUrl: "http://127.0.0.1:9" });
      await refused(other.createUser(newUser("x")), {
        message: /^Cannot create user "x": .*127\.0\.0\.1:9 cannot be reached, see "helm status"/,
      });
      await other.close();
    });
  });
}

function newUser(username: string): NewUser {
  return { username, password: "long-enough-secret", isTemporary: false };
}

function unique(name: string): string {
  return `${name}${randomBytes(5).toString("hex")}`;
}

/** Without passwords, which take their time by design. */
async function createUsers(place: AdminPlace, names: readonly string[]): Promise<void> {
  const { backendUrl, realm, clientId, clientSecret } = place;
  const client = { client_id: clientId, client_secret: clientSecret };
  const token = await fetch(`${backendUrl}/realms/${realm}/protocol/openid-connect/token`, {
    method: "POST",
    body: new URLSearchParams({ grant_type: "client_credentials", ...client }),
  });
  const { access_token } = (await token.json()) as { access_token: string };
  for (const username of names) {
    const answer = await fetch(`${backendUrl}/admin/realms/${realm}/users`, {
      method: "POST",
      headers: { authorization: `Bearer ${access_token}`, "content-type": "application/json" },
      body: JSON.stringify({ username, enabled: true }),
    });
    assert.equal(answer.status, 201, await answer.text());
  }
}

async function refused(
  attempt: Promise<unknown>,
  { status, message }: { status?: number; message?: RegExp },
): Promise<void> {
  await assert.rejects(attempt, (error) => {
    assert.ok(error instanceof IdentityError, String(error));
    assert.equal(error.mayHaveActed, false);
    if (status !== undefined) assert.equal(error.status, status, error.message);
    if (message !== undefined) assert.match(error.message, message);
    return true;
  });
}
