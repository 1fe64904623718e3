import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestCore, startTestPostgres } from "./testing.ts";
import { createTokenVerifier } from "./token_verifier.ts";

test("a test's database is its own, and survives a kill of its server", async (t) => {
  const { sql, kill, restart } = await startTestPostgres(t, { own: true });
  await sql`CREATE TABLE things (name text)`;
  await sql`INSERT INTO things VALUES ('lamp')`;
  await kill();
  await restart();
  assert.deepEqual(
    (await sql`SELECT name FROM things`).map((row) => row["name"]),
    ["lamp"],
  );
});

test("a test's Core mints tokens that the verifier accepts", async (t) => {
  const core = await startTestCore(t);
  const verifier = createTokenVerifier({ coreUrl: core.url, service: "codex" });
  const caller = await verifier.verify(await core.userToken({ sub: "grace" }));
  assert.equal(caller.kind === "user" && caller.user.sub, "grace");
  const service = await verifier.verify(await core.serviceToken("treasury", "codex"));
  assert.deepEqual(service, { kind: "service", service: "treasury" });
});
