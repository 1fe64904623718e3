import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { startTestPostgres, type TestScope } from "@hivematrix/lib/testing";
import postgres from "postgres";
import { ensureDistribution } from "./distribution.ts";
import { makeArchive, makeJava, makeTestFolder } from "./distribution_testing.ts";
import { readReleaseRecord } from "./release_record.ts";
import { goBack, type UpgradeParts, upgradeServer } from "./upgrade.ts";

/** An installation that runs 26.1.1, whose database holds the word "old". */
async function makeInstallation(scope: TestScope, isReady: () => boolean = () => true) {
  const root = makeTestFolder(scope);
  const archives = ["26.1.1", "26.2.2"].map((version) => ({
    version,
    ...makeArchive(root, version),
  }));
  const [old, newer] = archives as [(typeof archives)[0], (typeof archives)[0]];
  const { sql: adminSql, url } = await startTestPostgres(scope, { own: true });
  await adminSql.unsafe("create role k login");
  await adminSql.unsafe("create database k_db owner k");
  const runSql = async (query: string) => {
    const place = Object.assign(new URL(url), { pathname: "/k_db" }).href;
    const sql = postgres(place, { max: 1, onnotice: () => {} });
    return await sql.unsafe(query).finally(() => sql.end({ timeout: 0 }));
  };
  await runSql("create table words (word text); insert into words values ('old')");

  const events: string[] = [];
  const folder = join(root, "keycloak");
  const java = { program: makeJava(join(root, "java"), "17.0.1"), version: 17 };
  const distribution = { folder, java, tell: () => {}, env: { PATH: root, HOME: root } };
  const start = { ...distribution, source: old.file, sha256: old.sha256 };
  await ensureDistribution(start);
  const parts: UpgradeParts = {
    distribution: { ...distribution, source: newer.file },
    adminSql,
    database: { name: "k_db", owner: "k" },
    service: {
      stop: async () => void events.push("stop"),
      async start() {
        const version = (await readReleaseRecord(folder))?.current.version;
        events.push(`start ${version}`);
        if (version === newer.version) {
          await runSql("insert into words values ('migrated')");
          if (!isReady()) throw new Error("crash-looping");
        }
      },
    },
    tell: () => {},
  };
  const words = async () => (await runSql("select word from words")).map(({ word }) => word);
  return { parts, folder, old, newer, events, words };
}

test("an upgrade switches to the new release, and the way back to the old one and its data", async (t) => {
  const { parts, folder, old, newer, events, words } = await makeInstallation(t);
  await upgradeServer(parts, newer);
  assert.deepEqual(events, ["stop", "start 26.2.2"]);
  assert.deepEqual(await words(), ["old", "migrated"]);
  assert.equal((await readReleaseRecord(folder))?.previous?.version, old.version);

  await goBack(parts);
  assert.deepEqual(events.slice(2), ["stop", "start 26.1.1"]);
  assert.deepEqual(await words(), ["old"]);
  await assert.rejects(goBack(parts), { message: /26\.1\.1 is the first one here/ });
});

test("a release that does not become ready is left, and the old one runs with its data", async (t) => {
  const { parts, folder, newer, events, words } = await makeInstallation(t, () => false);
  await assert.rejects(upgradeServer(parts, newer), {
    message: /26\.2\.2 did not become ready: crash-looping\. Keycloak 26\.1\.1 runs again/,
  });
  assert.equal(events.at(-1), "start 26.1.1");
  assert.deepEqual(await words(), ["old"]);
  assert.equal((await readReleaseRecord(folder))?.current.version, "26.1.1");
});

test("a release that cannot be had or does not hash right stops nothing", async (t) => {
  const { parts, newer, events } = await makeInstallation(t);
  const wrong = { ...newer, sha256: "0".repeat(64) };
  await assert.rejects(upgradeServer(parts, wrong), { message: /its SHA-256 is/ });
  assert.deepEqual(events, []);
});

test("the release that runs already is nothing to upgrade to", async (t) => {
  const { parts, old, events } = await makeInstallation(t);
  await upgradeServer(parts, old);
  assert.deepEqual(events, []);
});
