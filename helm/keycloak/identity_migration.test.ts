import assert from "node:assert/strict";
import { randomBytes, randomUUID, scryptSync } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { createTestLog, startTestPostgres } from "@hivematrix/lib/testing";
import { createIdentityAdmin, type IdentityAdmin } from "./admin_client.ts";
import { EmbeddedAccounts, type NewAccount } from "./embedded_accounts.ts";
import { prepareDatabase } from "./first_start.ts";
import { type MigrationOptions, type MovedUser, migrateIdentities } from "./identity_migration.ts";
import { keycloakServerSkip } from "./server_testing.ts";
import { type SharedKeycloak, shareKeycloakServer } from "./shared_server_testing.ts";
import { readStoredPeople } from "./stored_users.ts";
import { readCode, type Tokens } from "./testing_browser.ts";

const cleanUps: (() => unknown)[] = [];
const scope = { after: (cleanUp: () => unknown) => void cleanUps.unshift(cleanUp) };

describe("moving to a real Keycloak", { skip: keycloakServerSkip() }, () => {
  let keycloak: SharedKeycloak;
  let admin: IdentityAdmin;
  let accounts: EmbeddedAccounts;
  let sql: Awaited<ReturnType<typeof startTestPostgres>>["sql"];

  before(async () => {
    sql = (await startTestPostgres(scope)).sql;
    accounts = new EmbeddedAccounts(sql);
    keycloak = await shareKeycloakServer(scope, { users: [] });
    admin = createIdentityAdmin(keycloak.adminPlace);
    scope.after(() => admin.close());
  });
  after(async () => {
    for (const cleanUp of cleanUps) await cleanUp();
  });

  /** People of the embedded provider, of whom Keycloak may know none. */
  async function store(...people: NewAccount[]): Promise<void> {
    await prepareDatabase(sql, accounts, { firstUser: undefined, log: createTestLog() });
    await sql`DELETE FROM users`;
    for (const person of people) await accounts.create(person);
  }

  async function migrate(options: Partial<MigrationOptions> = {}) {
    const people = await readStoredPeople(sql);
    assert.ok(people);
    return await migrateIdentities(keycloak.adminPlace, people, {
      isDryRun: false,
      replaced: [],
      newPassword: () => `temporary-${randomBytes(4).toString("hex")}`,
      ...options,
    });
  }

  async function idOf(username: string): Promise<string> {
    const id = await accounts.findId(username);
    assert.ok(id);
    return id;
  }

  const outcomes = (users: readonly MovedUser[]) =>
    Object.fromEntries(users.map(({ username, outcome }) => [username, outcome]));

  async function signIn(username: string, password: string) {
    const browser = keycloak.openBrowser();
    const attempt = browser.attempt();
    const page = await browser.open(attempt.url);
    return { browser, attempt, end: await browser.submit(page, { username, password }) };
  }

  async function readSub(username: string, password: string): Promise<string> {
    const { browser, attempt, end } = await signIn(username, password);
    const answer = await browser.redeem(readCode(end, attempt), attempt.verifier);
    const { id_token } = (await answer.json()) as Tokens;
    return JSON.parse(Buffer.from(id_token.split(".")[1] ?? "", "base64url").toString()).sub;
  }

  test("before the embedded provider was ever used there is nobody to be moved", async () => {
    assert.equal(await readStoredPeople(sql), undefined);
  });

  test("whoever is moved signs in with the former password and keeps sub, names, groups and state", async () => {
    const group = `Süd/"Nord" ${randomBytes(3).toString("hex")}`;
    await store();
    await accounts.ensureGroups([group]);
    await store(
      {
        username: "ada",
        password: "ada's old secret",
        email: "ada@example.org",
        name: "Ada King Lovelace",
        groups: ["admins", group],
      },
      { username: "left", password: "left-secret", isEnabled: false },
      { username: "newcomer", password: "given-secret", mustChangePassword: true },
      { username: "bare" },
    );
    const id = await idOf("ada");
    const planned = await migrate({ isDryRun: true });
    assert.deepEqual(outcomes(planned.users), {
      ada: "moved",
      bare: "moved",
      left: "moved",
      newcomer: "moved",
    });
    assert.equal(await admin.findUser("ada"), undefined);
    assert.ok(!(await admin.listGroups()).some(({ name }) => name === group));

    const { users, createdGroups } = await migrate();
    assert.deepEqual(createdGroups, [group]);
    assert.deepEqual(
      users.map(({ username, outcome, password }) => [username, outcome, password]),
      [
        ["ada", "moved", "kept"],
        ["bare", "moved", "none"],
        ["left", "moved", "kept"],
        ["newcomer", "moved", "kept"],
      ],
    );
    const ada = await admin.findUser("ada");
    assert.deepEqual(
      [ada?.id, ada?.email, ada?.firstName, ada?.lastName, ada?.isEnabled],
      [id, "ada@example.org", "Ada King", "Lovelace", true],
    );
    assert.deepEqual(ada?.createdAt, (await accounts.find(id))?.createdAt);
    assert.deepEqual(await admin.groupsOf(id), [group, "admins"].sort());
    assert.equal(await readSub("ada", "ada's old secret"), id);
    assert.equal((await admin.findUser("left"))?.isEnabled, false);
    const { end } = await signIn("newcomer", "given-secret");
    assert.match(end.url, /required-action/);
  });

  test("a second run changes nothing and says so", async () => {
    await store({ username: "again", password: "again-secret", groups: ["billing"] });
    const first = await migrate();
    const id = await idOf("again");
    assert.deepEqual(outcomes(first.users), { again: "moved" });
    // What has changed there since stays.
    await admin.addToGroup(id, "technicians");
    await admin.resetPassword(id, "changed-secret", { isTemporary: false });
    const second = await migrate();
    assert.deepEqual(second, {
      createdGroups: [],
      users: [{ id, username: "again", outcome: "there" }],
    });
    assert.deepEqual(await admin.groupsOf(id), ["billing", "technicians"]);
    assert.equal(await readSub("again", "changed-secret"), id);
  });

  test("whose password is a hash of scrypt gets a temporary one and has to choose another", async () => {
    await store({ username: "scrypted", password: "unused" });
    const salt = randomBytes(16);
    const key = scryptSync("old-secret", salt, 32, { N: 2 ** 14, r: 8, p: 1 });
    const encode = (bytes: Buffer) => bytes.toString("base64").replace(/=+$/, "");
    const hash = `$scrypt$ln=14,r=8,p=1$${encode(salt)}$${encode(key)}`;
    await sql`UPDATE users SET password_hash = ${hash}`;
    const planned = await migrate({ isDryRun: true });
    assert.deepEqual(planned.users[0]?.password, "temporary");
    assert.equal(planned.users[0]?.temporaryPassword, undefined);
    const [moved] = (await migrate()).users;
    assert.equal(moved?.password, "temporary");
    assert.match((await signIn("scrypted", "old-secret")).end.url, /authenticate/);
    const { browser, end } = await signIn("scrypted", moved?.temporaryPassword ?? "");
    assert.match(end.url, /required-action/);
    const chosen = { "password-new": "my-own-secret", "password-confirm": "my-own-secret" };
    assert.ok((await browser.submit(end, chosen)).url.startsWith(keycloak.redirectUri));
    assert.equal(await readSub("scrypted", "my-own-secret"), await idOf("scrypted"));
  });

  test("somebody else of the same name or address is reported and left, until told to make room", async () => {
    const other = { password: "their-secret", isTemporary: false };
    const occupant = await admin.createUser({ username: "occupied", ...other });
    await admin.createUser({ username: "somebody", email: "shared@example.org", ...other });
    await signIn("occupied", "their-secret");
    await store(
      { username: "occupied", password: "own-secret", groups: ["admins"] },
      { username: "sharer", password: "own-secret", email: "shared@example.org" },
    );
    const { users } = await migrate();
    assert.deepEqual(outcomes(users), { occupied: "taken", sharer: "taken" });
    assert.match(users[0]?.reason ?? "", new RegExp(occupant.id));
    assert.match(users[1]?.reason ?? "", /"somebody" has the e-mail address/);
    assert.deepEqual(
      users.map(({ isReplaceable }) => isReplaceable),
      [true, false],
    );
    assert.deepEqual(await admin.findUser("occupied"), occupant);

    const id = await idOf("occupied");
    const replacing = await migrate({ replaced: ["Occupied"] });
    assert.deepEqual(outcomes(replacing.users), { occupied: "replaced", sharer: "taken" });
    assert.equal(await admin.findUser(occupant.id), undefined);
    assert.equal(await readSub("occupied", "own-secret"), id);
    assert.deepEqual(await admin.groupsOf(id), ["admins"]);
    await assert.rejects(migrate({ replaced: ["nobody"] }), /has nobody of this name/);
  });

  test("one user whom Keycloak refuses keeps none of forty others from being moved", async () => {
    const names = Array.from({ length: 41 }, (_, index) => `crowd${index}`);
    await store(...names.map((username) => ({ username })));
    // Longer than Keycloak's column.
    const email = `crowd@${"x".repeat(255)}`;
    await sql`UPDATE users SET email = ${email} WHERE username = 'crowd7'`;
    const { users } = await migrate();
    const failed = users.filter(({ outcome }) => outcome !== "moved");
    assert.deepEqual(outcomes(failed), { crowd7: "failed" });
    assert.notEqual(failed[0]?.reason ?? "", "");
    assert.equal((await admin.findUser("crowd8"))?.id, await idOf("crowd8"));
    assert.equal(await admin.findUser("crowd7"), undefined);
    const again = await migrate();
    assert.equal(again.users.filter(({ outcome }) => outcome === "there").length, 40);
  });

  test("a client that may not import users is told which role it lacks, with each of them", async () => {
    await store({ username: "kept1" }, { username: "kept2" });
    const people = await readStoredPeople(sql);
    const { tokenRealm: _, ...place } = keycloak.adminPlace;
    const options = { isDryRun: false, replaced: [], newPassword: () => "x" };
    const { users } = await migrateIdentities(place, people ?? { users: [], groups: [] }, options);
    assert.deepEqual(outcomes(users), { kept1: "failed", kept2: "failed" });
    for (const { reason } of users) assert.match(reason ?? "", /the role realm-admin/);
  });

  test("a provider that cannot be asked is an error, before anything is done", async () => {
    const people = { users: [], groups: [randomUUID()] };
    const place = { ...keycloak.adminPlace, clientSecret: "wrong" };
    const options = { isDryRun: false, replaced: [], newPassword: () => "x" };
    await assert.rejects(migrateIdentities(place, people, options), {
      name: "IdentityError",
      message: /^Cannot list the users of Keycloak: .*keycloak\.admin_client_secret/,
    });
  });
});
