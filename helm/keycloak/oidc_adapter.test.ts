import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createTestLog, startTestPostgres } from "@hivematrix/lib/testing";
import { EmbeddedAccounts } from "./embedded_accounts.ts";
import { prepareDatabase } from "./first_start.ts";
import { createOidcAdapter, deleteExpiredRecords } from "./oidc_adapter.ts";
import { endSession } from "./session_ending.ts";

const { sql } = await startTestPostgres({ after });
const accounts = new EmbeddedAccounts(sql);
await prepareDatabase(sql, accounts, { firstUser: undefined, log: createTestLog() });

const sessions = createOidcAdapter(sql, "Session");
const codes = createOidcAdapter(sql, "AuthorizationCode");
const tokens = createOidcAdapter(sql, "RefreshToken");
const grants = createOidcAdapter(sql, "Grant");

test("a record is found as it was stored, until it is destroyed", async () => {
  const payload = {
    kind: "RefreshToken",
    jti: "r1",
    scope: "openid \u00e4 \ud83d\udc1d",
    claims: {},
  };
  await tokens.upsert("r1", payload, 60);
  assert.deepEqual(await tokens.find("r1"), payload);
  await tokens.upsert("r1", { ...payload, scope: "openid" }, 60);
  assert.equal((await tokens.find("r1"))?.scope, "openid");
  await tokens.destroy("r1");
  assert.equal(await tokens.find("r1"), undefined);
});

test("records of two models with one id are two records", async () => {
  await tokens.upsert("same", { scope: "token" }, 60);
  await codes.upsert("same", { scope: "code" }, 60);
  await codes.destroy("same");
  assert.equal((await tokens.find("same"))?.scope, "token");
});

test("a code is consumed by one of many requests that come at once", async () => {
  await codes.upsert("c1", { grantId: "g1" }, 60);
  const attempts = await Promise.allSettled(Array.from({ length: 5 }, () => codes.consume("c1")));
  const refused = attempts.filter((attempt) => attempt.status === "rejected");
  assert.equal(refused.length, 4);
  assert.ok(refused.every(({ reason }) => reason.message === "invalid_grant"));
  const { consumed } = (await codes.find("c1")) ?? {};
  assert.ok(Math.abs(consumed - Date.now() / 1000) < 60, `consumed at ${consumed}`);
});

test("everything under a grant goes with it, model by model", async () => {
  await tokens.upsert("r2", { grantId: "g2" }, 60);
  await codes.upsert("c2", { grantId: "g2" }, 60);
  await tokens.upsert("r3", { grantId: "g3" }, 60);
  await tokens.revokeByGrantId("g2");
  assert.equal(await tokens.find("r2"), undefined);
  assert.ok(await codes.find("c2"));
  assert.ok(await tokens.find("r3"));
});

test("a session is found by its uid under whatever id it has now", async () => {
  await sessions.upsert("id1", { uid: "u1", accountId: "a" }, 60);
  await sessions.destroy("id1");
  await sessions.upsert("id2", { uid: "u1", accountId: "a", jti: "id2" }, 60);
  assert.equal((await sessions.findByUid("u1"))?.jti, "id2");
  assert.equal(await sessions.findByUid("u2"), undefined);
});

test("an ended session takes its tokens and grants along and leaves others alone", async () => {
  await sessions.upsert("s1", { uid: "end" }, 60);
  await grants.upsert("g4", { accountId: "a" }, 60);
  await tokens.upsert("r4", { sessionUid: "end", grantId: "g4" }, 60);
  await codes.upsert("c4", { sessionUid: "end", grantId: "g4" }, 60);
  await sessions.upsert("s2", { uid: "other" }, 60);
  await endSession(sql, "end");
  assert.equal(await sessions.find("s1"), undefined);
  assert.equal(await tokens.find("r4"), undefined);
  assert.equal(await codes.find("c4"), undefined);
  assert.equal(await grants.find("g4"), undefined);
  assert.ok(await sessions.find("s2"));
});

test("R8: a request that was under way does not bring an ended session back to life", async () => {
  await sessions.upsert("s3", { uid: "race", accountId: "a" }, 60);
  const inFlight = await sessions.find("s3");
  await endSession(sql, "race");
  await sessions.upsert("s3", inFlight ?? {}, 60);
  await sessions.upsert("s3-new-id", inFlight ?? {}, 60);
  assert.equal(await sessions.find("s3"), undefined);
  assert.equal(await sessions.find("s3-new-id"), undefined);
  assert.equal(await sessions.findByUid("race"), undefined);
});

test("R8: however saving and ending a session fall together, it is ended afterwards", async () => {
  for (let round = 0; round < 20; round++) {
    const uid = `storm-${round}`;
    const save = (id: string) => sessions.upsert(id, { uid, accountId: "a" }, 60);
    await save(uid);
    await Promise.all([save(uid), endSession(sql, uid), save(`${uid}-new`), save(uid)]);
    assert.equal(await sessions.findByUid(uid), undefined);
  }
});

test("what has expired is deleted, the rest stays", async () => {
  await tokens.upsert("old", {}, -1);
  await tokens.upsert("new", {}, 60);
  await sql`INSERT INTO ended_sessions VALUES ('long ago', now() - interval '1 second')`;
  await deleteExpiredRecords(sql);
  assert.equal(await tokens.find("old"), undefined);
  assert.ok(await tokens.find("new"));
  const rest = await sql`SELECT 1 FROM ended_sessions WHERE session_uid = 'long ago'`;
  assert.equal(rest.length, 0);
});

test("R9: a user's sessions end at once, and no request that was under way brings one back", async () => {
  const { id } = await accounts.create({ username: "leaver", password: "secret" });
  const ends = {
    disabled: () => accounts.setEnabled(id, false),
    "new password": () => accounts.setPassword(id, "other"),
    deleted: () => accounts.remove(id),
  };
  for (const [uid, end] of Object.entries(ends)) {
    const payload = { uid, accountId: id };
    await sessions.upsert(uid, payload, 60);
    await end();
    assert.equal(await sessions.find(uid), undefined);
    await sessions.upsert(uid, payload, 60);
    assert.equal(await sessions.find(uid), undefined, uid);
  }
});
