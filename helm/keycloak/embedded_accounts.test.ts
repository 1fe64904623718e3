import assert from "node:assert/strict";
import { randomBytes, scrypt } from "node:crypto";
import { after, test } from "node:test";
import { createTestLog, startTestPostgres } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import type { AccountFilter } from "./account_search.ts";
import { AccountError } from "./account_text.ts";
import { EmbeddedAccounts } from "./embedded_accounts.ts";
import { prepareDatabase } from "./first_start.ts";

const { sql } = await startTestPostgres({ after });
const accounts = new EmbeddedAccounts(sql);
await prepareDatabase(sql, accounts, { firstUser: undefined, log: createTestLog() });

test("a new user is found by id and in the list, with name, e-mail address and groups", async () => {
  const grace = await accounts.create({
    username: "grace",
    password: "secret",
    email: "grace@example.org",
    name: "Grace Hopper",
    groups: ["technicians", "admins"],
  });
  assert.deepEqual(grace, {
    id: grace.id,
    username: "grace",
    email: "grace@example.org",
    name: "Grace Hopper",
    firstName: "Grace",
    lastName: "Hopper",
    isEnabled: true,
    mustChangePassword: false,
    createdAt: grace.createdAt,
    groups: ["admins", "technicians"],
  });
  assert.deepEqual(await accounts.find(grace.id), grace);
  assert.ok((await accounts.list()).some(({ id }) => id === grace.id));
});

test("a user needs no e-mail address, and is called by the user name until told otherwise", async () => {
  const user = await accounts.create({ username: "Plain", password: "secret" });
  assert.deepEqual(
    [user.username, user.name, user.email, user.groups],
    ["plain", "plain", null, []],
  );
});

test("user name and e-mail address are taken whatever their case", async () => {
  await accounts.create({ username: "alan", password: "secret", email: "alan@example.org" });
  const again = (username: string, email: string) =>
    accounts.create({ username, password: "secret", email });
  await assert.rejects(
    again("ALAN", "other@example.org"),
    /"ALAN": User exists with same username/,
  );
  await assert.rejects(again("other", "Alan@Example.Org"), /"other": User exists with same email/);
  await assert.rejects(again("\uff21\uff2c\uff21\uff2e", "wide@example.org"), AccountError);
});

test("one person's user name cannot be another's e-mail address", async () => {
  await accounts.create({ username: "edsger", password: "secret", email: "edsger@example.org" });
  await assert.rejects(
    accounts.create({ username: "edsger@example.org", password: "theirs" }),
    /no @ unless it is the user's own/,
  );
  const own = { username: "tony@example.org", password: "secret", email: "Tony@example.org" };
  const tony = await accounts.create(own);
  assert.equal(tony.username, "tony@example.org");
  await accounts.update(tony.id, { email: "hoare@example.org" });
  const theirs = { username: "thief", password: "theirs", email: "tony@example.org" };
  await assert.rejects(accounts.create(theirs), /User exists with same email/);
});

test("unusable names, addresses and passwords are refused with the rule", async () => {
  const create = (username: string, password = "secret", email?: string) =>
    accounts.create({ username, password, email });
  await assert.rejects(create(""), /1 to 100 characters/);
  await assert.rejects(create("two words"), /no blanks/);
  await assert.rejects(create("line\nbreak"), AccountError);
  await assert.rejects(create("mail", "secret", "no address"), /name@domain/);
  await assert.rejects(create("empty", ""), /1 to 1024 characters/);
  await assert.rejects(create("long", "x".repeat(1025)), /1 to 1024 characters/);
});

test("a user with an unknown group is not created at all", async () => {
  const user = { username: "half", password: "secret", groups: ["admins", "nobodies"] };
  await assert.rejects(accounts.create(user), /"nobodies": no such group/);
  assert.ok(!(await accounts.list()).some(({ username }) => username === "half"));
});

test("the password is right for the user name and the e-mail address, in any case", async () => {
  const { id } = await accounts.create({
    username: "barbara",
    password: "Secret",
    email: "barbara@example.org",
  });
  for (const login of ["barbara", "Barbara", " barbara ", "BARBARA@example.org"]) {
    assert.equal((await accounts.checkPassword(login, "Secret"))?.id, id, login);
  }
  assert.equal(await accounts.checkPassword("barbara", "secret"), undefined);
  assert.equal(await accounts.checkPassword("nobody", "Secret"), undefined);
});

test("an unknown user name takes as long as a wrong password", async () => {
  await accounts.create({ username: "timed", password: "secret" });
  const fastest = async (login: string) => {
    const times: number[] = [];
    for (let round = 0; round < 3; round++) {
      const startedAt = performance.now();
      await accounts.checkPassword(login, "wrong");
      times.push(performance.now() - startedAt);
    }
    return Math.min(...times);
  };
  const [known, unknown] = [await fastest("timed"), await fastest("stranger")];
  // Without the work for nobody it would be a hundredth; a busy machine is no more than some times slower.
  assert.ok(unknown > known / 10, `${unknown} against ${known} ms`);
});

test("a disabled user's password opens nothing until the user is enabled again", async () => {
  const { id } = await accounts.create({ username: "kurt", password: "secret" });
  await accounts.setEnabled(id, false);
  assert.equal(await accounts.checkPassword("kurt", "secret"), undefined);
  await accounts.setEnabled(id, true);
  assert.equal((await accounts.checkPassword("kurt", "secret"))?.id, id);
});

test("a changed password replaces the former one", async () => {
  const { id } = await accounts.create({ username: "emmy", password: "before" });
  await accounts.setPassword(id, "after");
  assert.equal(await accounts.checkPassword("emmy", "before"), undefined);
  assert.equal((await accounts.checkPassword("emmy", "after"))?.id, id);
});

test("R9: a password that is replaced while it is being checked opens nothing any more", async () => {
  const { id } = await accounts.create({ username: "cantor", password: "before" });
  const checked = accounts.checkPassword("cantor", "before");
  // Hashing takes a hundred times as long as these two questions.
  await sql`SELECT 1`;
  await sql`UPDATE users SET password_hash = 'another' WHERE id = ${id}`;
  assert.equal(await checked, undefined);
});

test("a password that somebody chooses does not replace one that is set meanwhile", async () => {
  const { id } = await accounts.create({ username: "hilbert", password: "before" });
  const chosen = await sql.begin(async (transaction) => {
    await transaction`UPDATE users SET password_hash = 'another' WHERE id = ${id}`;
    const choice = accounts.choosePassword(id, "my-own-secret", { session: "none" });
    choice.catch(() => {});
    // It has read the former hash, and waits to write.
    const isWaiting = async () => {
      await transaction`SELECT pg_stat_clear_snapshot()`;
      const waiting = await transaction`
        SELECT 1 FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'`;
      return waiting.length > 0;
    };
    await waitFor(isWaiting, { what: "the choice to be stored" });
    return { choice };
  });
  await assert.rejects(chosen.choice, /it was set meanwhile/);
  const [row] = await sql`SELECT password_hash FROM users WHERE id = ${id}`;
  assert.equal(row?.["password_hash"], "another");
});

/** `before`, as an earlier version would have kept it. */
const scryptHash = await makeScryptHash("before");

async function makeScryptHash(password: string): Promise<string> {
  const salt = randomBytes(16);
  const options = { N: 2 ** 15, r: 8, p: 3, maxmem: 2 ** 27 };
  const key = await new Promise<Buffer>((resolve, reject) =>
    scrypt(password, salt, 32, options, (error, key) => (error ? reject(error) : resolve(key))),
  );
  const encode = (bytes: Buffer) => bytes.toString("base64").replace(/=+$/, "");
  return `$scrypt$ln=15,r=8,p=3$${encode(salt)}$${encode(key)}`;
}

test("a hash of an earlier version opens, and is replaced at that person's sign-in alone", async () => {
  const hashOf = async (id: string) =>
    (await sql`SELECT password_hash FROM users WHERE id = ${id}`)[0]?.["password_hash"] as string;
  const { id } = await accounts.create({ username: "cauchy", password: "unused" });
  await sql`UPDATE users SET password_hash = ${scryptHash} WHERE id = ${id}`;
  assert.equal(await accounts.checkPassword("cauchy", "wrong"), undefined);
  assert.equal(await hashOf(id), scryptHash);
  // Ten tabs at once: the first to be done replaces the hash under the others' feet.
  const tabs = Array.from({ length: 5 }, () => accounts.checkPassword("cauchy", "before"));
  for (const account of await Promise.all(tabs)) assert.equal(account?.id, id);
  assert.match(await hashOf(id), /^\$pbkdf2-sha512\$/);
  assert.equal((await accounts.checkPassword("cauchy", "before"))?.id, id);
  await sql`UPDATE users SET password_hash = ${scryptHash}, is_enabled = false WHERE id = ${id}`;
  assert.equal(await accounts.checkPassword("cauchy", "before"), undefined);
  assert.equal(await hashOf(id), scryptHash);
  await accounts.remove(id);
});

test("a search takes signs of the database's patterns as the letters that they are", async () => {
  await accounts.create({ username: "under_score", password: "secret", lastName: "100%" });
  await accounts.create({ username: "underxscore", password: "secret" });
  const find = async (filter: AccountFilter) =>
    (await accounts.search(filter)).map(({ username }) => username);
  assert.deepEqual(await find({ search: "under_" }), ["under_score"]);
  assert.deepEqual(await find({ search: "100%" }), ["under_score"]);
  assert.deepEqual(await find({ search: "%" }), []);
  assert.deepEqual(await find({ search: "\\" }), []);
  assert.deepEqual(await find({ search: "*score" }), ["under_score", "underxscore"]);
  assert.deepEqual(await find({ search: '"underxscore"' }), ["underxscore"]);
  assert.deepEqual(await find({ search: '"underxscor"' }), []);
  assert.deepEqual(await find({ username: "R_S" }), ["under_score"]);
  assert.deepEqual(await find({ username: "under_scor", isExact: true }), []);
  assert.deepEqual(await find({ lastName: "100%", isExact: true, isEnabled: true }), [
    "under_score",
  ]);
  assert.deepEqual(await find({ search: "under", isEnabled: false }), []);
});

test("groups are joined and left, each as often as one likes", async () => {
  const { id } = await accounts.create({ username: "noether", password: "secret" });
  await accounts.addToGroup(id, "billing");
  await accounts.addToGroup(id, "billing");
  assert.deepEqual((await accounts.find(id))?.groups, ["billing"]);
  await accounts.removeFromGroup(id, "billing");
  await accounts.removeFromGroup(id, "billing");
  assert.deepEqual((await accounts.find(id))?.groups, []);
  await assert.rejects(accounts.addToGroup(id, "nobodies"), /no such group/);
});

test("the groups of the permission levels are there from the start", async () => {
  assert.deepEqual(await accounts.groups(), ["admins", "billing", "technicians"]);
});

test("a deleted user is gone, and the user name is free again", async () => {
  const former = await accounts.create({ username: "ghost", password: "secret" });
  await accounts.addToGroup(former.id, "billing");
  await accounts.remove(former.id);
  assert.equal(await accounts.find(former.id), undefined);
  const next = await accounts.create({ username: "ghost", password: "secret" });
  assert.notEqual(next.id, former.id);
  assert.deepEqual(next.groups, []);
});

test("an order about a user who does not exist says so", async () => {
  const nobody = "00000000-0000-4000-8000-000000000000";
  await assert.rejects(accounts.setEnabled(nobody, false), /no such user/);
  await assert.rejects(accounts.setPassword(nobody, "secret"), /no such user/);
  await assert.rejects(accounts.remove(nobody), /no such user/);
});

test("a password is not to be found in the database", async () => {
  await accounts.create({ username: "keeper", password: "correct horse battery" });
  const [row] = await sql`SELECT password_hash FROM users WHERE username = 'keeper'`;
  assert.match(row?.["password_hash"], /^\$pbkdf2-sha512\$i=210000\$/);
});
