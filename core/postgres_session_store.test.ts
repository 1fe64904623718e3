import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { connectDatabase } from "@hivematrix/lib/database";
import { HttpError } from "@hivematrix/lib/http_error";
import { createTestLog, startTestPostgres, type TestPostgres } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { PostgresSessionStore } from "./postgres_session_store.ts";
import type { SessionStoreOptions } from "./session_store.ts";
import { ada, revoke, testSessionStore } from "./session_store_testing.ts";

const provider = { sid: "provider-sid", refreshToken: "refresh-secret" };

let postgres: TestPostgres;
const cleanUps: (() => unknown)[] = [];
before(async () => {
  postgres = await startTestPostgres(
    { after: (cleanUp) => cleanUps.unshift(cleanUp) },
    { own: true },
  );
});
after(async () => {
  for (const cleanUp of cleanUps) await cleanUp();
});

interface StoreOptions extends SessionStoreOptions {
  readonly secretKey?: string;
  readonly timeoutMs?: number;
}

function openStore(
  scope: { after(cleanUp: () => unknown): void },
  { secretKey = "a secret key", ...options }: StoreOptions = {},
  url = postgres.url,
) {
  const log = createTestLog("core");
  const store = new PostgresSessionStore(connectDatabase(url, { log }), {
    secretKey,
    log,
    ...options,
  });
  scope.after(() => store.close());
  return Object.assign(store, { log });
}

testSessionStore("PostgreSQL", async (t, options) => {
  await postgres.sql`drop table if exists sessions`;
  return openStore(t, options);
});

const isAway = (error: unknown) =>
  error instanceof HttpError && error.status === 503 && error.headers["retry-after"] === "2";

test("sessions outlive the process and are shared by several Cores", async (t) => {
  const first = openStore(t);
  const second = openStore(t);
  const session = await first.create(ada, 3600);
  assert.deepEqual(await second.check(session.id), { state: "live", session });
  await revoke(second, session.id);
  assert.deepEqual(await first.check(session.id), { state: "revoked" });
});

test("Cores that start at once on an empty database all find their table", async (t) => {
  await postgres.sql`drop table if exists sessions`;
  const stores = Array.from({ length: 6 }, () => openStore(t));
  const sessions = await Promise.all(stores.map((store) => store.create(ada, 3600)));
  for (const [index, store] of stores.entries()) {
    const next = sessions[(index + 1) % sessions.length]?.id ?? "";
    assert.equal((await store.check(next)).state, "live");
  }
});

test("a Core starts while a backup reads the table, and holds up nobody", async (t) => {
  await openStore(t).ping();
  await postgres.sql.begin(async (transaction) => {
    // What pg_dump holds for as long as it runs.
    await transaction`lock table sessions in access share mode`;
    await openStore(t).create(ada, 3600);
  });
});

test("a table that an older Core has made gets what is missing and loses what nobody reads", async (t) => {
  await openStore(t).ping();
  await postgres.sql`alter table sessions drop column address, add column sealed_id_token text`;
  await postgres.sql`comment on table sessions is 'schema of an older Core'`;
  const store = openStore(t);
  const { id } = await store.create(ada, 3600, {}, { address: "192.0.2.7" });
  assert.equal((await store.check(id)).state, "live");
  const columns = await postgres.sql`
    select column_name from information_schema.columns
    where table_name = 'sessions' and column_name like 'sealed%'`;
  assert.deepEqual([...columns], [{ column_name: "sealed_refresh_token" }]);
});

test("R31: the table holds neither the session id nor a readable token of the provider", async (t) => {
  const store = openStore(t);
  const session = await store.create(ada, 3600, provider);
  const rows = await postgres.sql`select sessions::text as text from sessions`;
  const dump = rows.map((row) => row["text"]).join("\n");
  assert.match(dump, /ada@example\.org/, "the dump shows what is in the table");
  const hexOfId = Buffer.from(session.id, "base64url").toString("hex");
  const secrets = [session.id, hexOfId, Buffer.from(session.id).toString("hex"), "secret"];
  for (const secret of secrets) assert.ok(!dump.includes(secret), secret);
});

test("a revoked session's row keeps no token of the provider", async (t) => {
  await postgres.sql`truncate sessions`;
  const store = openStore(t);
  const { id } = await store.create(ada, 3600, provider);
  await revoke(store, id);
  const rows = await postgres.sql`select sealed_refresh_token from sessions`;
  assert.deepEqual([...rows], [{ sealed_refresh_token: null }]);
});

test("of two revokes that wait for the same row, one gets the provider's tokens", async (t) => {
  const stores = [openStore(t), openStore(t)];
  const { id } = await openStore(t).create(ada, 3600, provider);
  const countWaiting = async () => {
    const rows = await postgres.sql`
      select count(*)::int as count from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`;
    return rows[0]?.["count"];
  };
  const revokes = await postgres.sql.begin(async (transaction) => {
    await transaction`select 1 from sessions for update`;
    const started = stores.map((store) => revoke(store, id));
    await waitFor(async () => (await countWaiting()) === 2);
    return { started };
  });
  const results = await Promise.all(revokes.started);
  assert.deepEqual(
    results.filter((result) => result !== undefined),
    [provider],
  );
});

test("a new SECRET_KEY signs nobody out; only the provider's tokens are lost, and the log says so", async (t) => {
  const session = await openStore(t).create(ada, 3600, provider);
  const store = openStore(t, { secretKey: "another key" });
  assert.equal((await store.check(session.id)).state, "live");
  const revoked = await revoke(store, session.id);
  assert.deepEqual(revoked, { sid: provider.sid, refreshToken: undefined });
  assert.match(store.log.lines.join(""), /cannot be opened/);
});

test("R25: while PostgreSQL is away every call fails with 503, and works again when it is back", async (t) => {
  const store = openStore(t);
  const session = await store.create(ada, 3600);
  await postgres.kill();
  await assert.rejects(store.create(ada, 3600), isAway);
  await assert.rejects(store.check(session.id), isAway);
  await assert.rejects(revoke(store, session.id), isAway);
  await assert.rejects(store.removeExpired(), isAway);
  await assert.rejects(store.ping(), isAway);
  await postgres.restart();
  await waitFor(() =>
    store.ping().then(
      () => true,
      () => false,
    ),
  );
  assert.deepEqual(await store.check(session.id), { state: "live", session });
});

test("R25: a store that starts while PostgreSQL is away makes its table when it is back", async (t) => {
  await postgres.sql`drop table if exists sessions`;
  await postgres.kill();
  const store = openStore(t);
  await assert.rejects(store.create(ada, 3600), isAway);
  await postgres.restart();
  await waitFor(() =>
    store.ping().then(
      () => true,
      () => false,
    ),
  );
  assert.equal((await store.create(ada, 3600)).user.sub, ada.sub);
});

test("R25: a PostgreSQL that does not answer is given up after the time limit", async (t) => {
  const store = openStore(t);
  const { id } = await store.create(ada, 3600);
  const impatient = openStore(t, { timeoutMs: 200 });
  await postgres.sql.begin(async (transaction) => {
    await transaction`lock table sessions in access exclusive mode`;
    await assert.rejects(impatient.check(id), isAway);
  });
  assert.equal((await store.check(id)).state, "live");
});

/** Sessions of an hour that began so long ago and were not used since. */
async function insertRows(count: number, { ageSeconds }: { ageSeconds: number }): Promise<void> {
  const { sql } = postgres;
  await sql`
    insert into sessions (id_hash, sub, user_data, created_at, last_seen_at, expires_at)
    select sha256(i::text::bytea), ${ada.sub}, ${sql.json({ ...ada })}, began, began,
      began + interval '1 hour'
    from generate_series(1, ${count}::int) as i,
      (select now() - make_interval(secs => ${ageSeconds}::int) as began) as begin`;
}

test("a clean-up of very many rows takes several statements and leaves none", async (t) => {
  const store = openStore(t);
  await store.ping();
  await postgres.sql`truncate sessions`;
  await insertRows(4321, { ageSeconds: 7200 });
  const { id } = await store.create(ada, 3600);
  assert.equal(await store.removeExpired(), 4321);
  assert.equal((await store.check(id)).state, "live");
});

test("R10: of very many idle sessions some end at once, and all when asked again", async (t) => {
  const store = openStore(t, { idleSeconds: 60 });
  await store.ping();
  await postgres.sql`truncate sessions`;
  await insertRows(2500, { ageSeconds: 61 });
  const { id } = await store.create(ada, 3600);
  const counts: number[] = [];
  do counts.push((await store.end({ idle: true })).length);
  while (counts.at(-1) !== 0);
  assert.deepEqual(counts, [1000, 1000, 500, 0]);
  assert.equal((await store.check(id)).state, "live");
});

test("the clean-up finds its rows by index", async (t) => {
  await openStore(t).ping();
  const plans = await postgres.sql.begin(async (transaction) => {
    await transaction`set local enable_seqscan = off`;
    return [
      await transaction`explain select 1 from sessions where expires_at <= now()`,
      await transaction`explain select 1 from sessions where created_at > now()`,
    ];
  });
  const [expired = "", fromFuture = ""] = plans.map((plan) => JSON.stringify(plan));
  assert.match(expired, /sessions_expires_at/);
  assert.match(fromFuture, /sessions_created_at/);
});
