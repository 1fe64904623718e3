import assert from "node:assert/strict";
import { test } from "node:test";
import { describeMigration } from "./identity_migrate.ts";
import { makeConfiguration } from "./testing.ts";

const ada = { id: "1", username: "ada", outcome: "moved", password: "kept" } as const;

test("the report says who is moved, and shows temporary passwords with what to do", () => {
  const bob = { id: "2", username: "bob", outcome: "moved", password: "temporary" } as const;
  const migration = {
    createdGroups: ["sales"],
    users: [ada, { ...bob, temporaryPassword: "Kf7m-x2qp" }],
  };
  const lines = describeMigration(migration, { isDryRun: false }).join("\n");
  assert.match(lines, /^Moved 2 of 2 users, and these groups: sales\.$/m);
  assert.match(lines, /^ada +moved +kept$/m);
  assert.match(lines, /shown this once, have to be changed at the next sign-in/);
  assert.match(lines, /^bob +Kf7m-x2qp$/m);
  const plan = describeMigration({ ...migration, users: [ada, bob] }, { isDryRun: true });
  assert.match(plan.join("\n"), /^Would move 2 of 2 users/);
  assert.match(plan.join("\n"), /each would get a temporary one: bob/);
});

test("the report warns of people with another ID, and says how to mend it", () => {
  const users = [
    { id: "1", username: "admin", outcome: "taken", reason: "why", isReplaceable: true },
    { id: "2", username: "bob", outcome: "taken", reason: "address", isReplaceable: false },
  ] as const;
  const lines = describeMigration({ createdGroups: [], users }, { isDryRun: false }).join("\n");
  assert.match(lines, /^Nothing is moved\.$/m);
  assert.match(lines, /^admin +NOT MOVED/m);
  assert.match(lines, /WARNING: at Keycloak somebody else stands for admin, bob, with another ID/);
  assert.match(lines, /helm identity migrate --replace admin$/m);
});

test("a run that finds everybody there says that nothing is done", () => {
  const users = [{ id: "1", username: "ada", outcome: "there" }] as const;
  const lines = describeMigration({ createdGroups: [], users }, { isDryRun: false });
  assert.deepEqual(lines.slice(0, 2), [
    "Nothing is moved.",
    "Keycloak has 1 of them already, left as they are.",
  ]);
});

test("with the embedded provider there is nowhere to move to, and the command says so", async (t) => {
  const { helm } = await makeConfiguration(t);
  const { status, stderr } = await helm("identity", "migrate");
  assert.equal(status, 1);
  assert.match(stderr, /^Cannot migrate: keycloak\.mode is still "embedded"; run "helm config set/);
  assert.equal((await helm("identity")).status, 2);
});
