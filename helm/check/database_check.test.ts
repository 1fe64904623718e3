import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import test, { type TestContext } from "node:test";
import { startTestPostgres } from "@hivematrix/lib/testing";
import type { MasterConfig } from "../config/master_config.ts";
import { dropAppDatabase, ensureAppDatabase } from "../postgres/app_database.ts";
import { lastFirst, makeCheckout, makeConfig } from "../testing.ts";
import { checkDatabase } from "./database_check.ts";
import type { Subject } from "./subject.ts";

test("a role that reaches its own database alone passes, and one that reaches another is named", async (t) => {
  const { sql, subject, own, other } = await start(t);
  const kept = await checkDatabase(subject);
  assert.deepEqual(kept, { outcome: "ok", found: `${own}, and refused at ${other}` });
  await sql.unsafe(`grant connect on database ${other} to public`);
  const open = await checkDatabase(subject);
  assert.equal(open.outcome, "failed");
  assert.equal(open.found, `${own} can connect to ${other}`);
  assert.match(open.remedy ?? "", new RegExp(`revoke connect on database ${other} from public`));
  await sql.unsafe(`alter role ${own} nologin`);
  const away = await checkDatabase(subject);
  assert.equal(away.outcome, "failed");
  assert.match(away.found, new RegExp(`^${own} cannot be reached as ${own}: `));
});

test("a service without a database is not tried", async (t) => {
  const { subject } = await start(t);
  assert.deepEqual(await checkDatabase({ ...subject, name: "nexus" }), {
    outcome: "not tried",
    found: "it has no database",
  });
});

/** Databases and roles of the same name, for core and template; their names are the test's own. */
async function start(test: TestContext) {
  const t = lastFirst(test);
  const { sql, url } = await startTestPostgres(t);
  const mark = randomBytes(4).toString("hex");
  const [own, other] = [`check_own_${mark}`, `check_other_${mark}`];
  for (const name of [own, other]) {
    const app = { database: name, user: name, password: "a password of sixteen" };
    await ensureAppDatabase(sql, app, { isExternal: true });
    t.after(() => dropAppDatabase(sql, app));
  }
  const config = structuredClone(makeConfig()) as unknown as {
    databases: { postgresql: Record<string, unknown> };
    apps: Record<string, Record<string, unknown>>;
  };
  const { hostname, port } = new URL(url);
  Object.assign(config.databases.postgresql, { host: hostname, port: Number(port) });
  const names = new Map([
    ["template", own],
    ["core", other],
  ]);
  for (const [app, settings] of Object.entries(config.apps)) {
    for (const key of ["database", "db_name", "db_user", "db_password"]) delete settings[key];
    const name = names.get(app);
    if (name === undefined) continue;
    const password = "a password of sixteen";
    Object.assign(settings, {
      database: "postgresql",
      db_name: name,
      db_user: name,
      db_password: password,
    });
  }
  const subject = {
    checkout: await makeCheckout(t),
    config: config as unknown as MasterConfig,
    name: "template",
  } as Subject;
  return { sql, subject, own, other };
}
