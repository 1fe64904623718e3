import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { startTestPostgres } from "@hivematrix/lib/testing";
import { matchesVerifier } from "../postgres/scram_verifier.ts";
import { afterTest, lastFirst, makeCheckout, makeConfig } from "../testing.ts";
import { changeSettings } from "./change_settings.ts";
import { listSnapshots } from "./config_history.ts";
import { undoChanges } from "./config_undo.ts";
import { setValue } from "./config_values.ts";
import { loadMasterConfig, saveMasterConfig } from "./master_config.ts";

const key = "databases.postgresql.admin_password";

test("another password of the embedded server's superuser is the server's too, and so is the way back", async (t) => {
  const { checkout, current, hasPassword } = await install(t);
  const next = setValue(current, key, "p'a\"s%s \\");
  await changeSettings(checkout, () => next, { command: "test" });
  assert.equal(await hasPassword("p'a\"s%s \\"), true);
  await undoChanges(checkout, "1");
  assert.deepEqual(await loadMasterConfig(checkout), current);
  assert.equal(await hasPassword("first"), true);
});

test("where the settings cannot be saved, the server keeps its password", async (t) => {
  const { checkout, current, hasPassword } = await install(t);
  const history = join(checkout.masterConfigFile, "..", "history");
  await rm(history, { recursive: true });
  await writeFile(history, "");
  const next = setValue(current, key, "second");
  await assert.rejects(
    changeSettings(checkout, () => next, { command: "test" }),
    /history/,
  );
  assert.deepEqual(await loadMasterConfig(checkout), current);
  assert.equal(await hasPassword("first"), true);
});

test("where the server cannot be asked, the settings keep theirs, and the reason is said", async (t) => {
  const { checkout, current } = await install(t);
  const away = setValue(current, "databases.postgresql.port", 2);
  await saveMasterConfig(checkout, away);
  const next = setValue(away, key, "second");
  const message = /^Cannot change databases\.postgresql\.admin_password: .* ECONNREFUSED/;
  await assert.rejects(
    changeSettings(checkout, () => next, { command: "test" }),
    {
      message,
    },
  );
  assert.deepEqual(await loadMasterConfig(checkout), away);
});

test("the password of somebody else's server is only noted", async (t) => {
  const { checkout, current, hasPassword } = await install(t);
  const external = setValue(current, "databases.postgresql.mode", "external");
  await saveMasterConfig(checkout, external);
  const next = setValue(external, key, "second");
  await changeSettings(checkout, () => next, { command: "test" });
  assert.equal(await hasPassword("first"), true);
});

test("a change is made of the settings as they are then, and one that breaks off changes nothing", async (t) => {
  const checkout = await makeCheckout(t);
  await saveMasterConfig(checkout, makeConfig());
  const set = (key: string, value: string) =>
    changeSettings(checkout, (current) => setValue(current, key, value), { command: key });
  await Promise.all([set("apps.template.title", "Theirs"), set("system.log_level", "DEBUG")]);
  const broken = () => Promise.reject(new Error("no such key"));
  await assert.rejects(changeSettings(checkout, broken, { command: "test" }), /no such key/);
  const { apps, system } = await loadMasterConfig(checkout);
  assert.deepEqual([apps["template"]?.title, system.log_level], ["Theirs", "DEBUG"]);
  assert.equal((await listSnapshots(checkout)).length, 3);
});

/** A server with a role that stands in for its superuser, so that the tests' own is left alone. */
async function install(t: TestContext) {
  const { url, sql } = await startTestPostgres(lastFirst(t));
  const { hostname, port, pathname } = new URL(url);
  const user = `${pathname.slice(1)}_admin`;
  await sql.unsafe(`create role "${user}" login superuser password 'first'`);
  afterTest(t, () => sql.unsafe(`drop role "${user}"`));
  const config = ["host", "port", "admin_user", "admin_password"].reduce<unknown>(
    (made, name, index) => {
      const values = [hostname, Number(port), user, "first"];
      return setValue(made, `databases.postgresql.${name}`, values[index]);
    },
    makeConfig(),
  );
  const checkout = await makeCheckout(t);
  await saveMasterConfig(checkout, config);
  const hasPassword = async (password: string) => {
    const [role] = await sql`select rolpassword as verifier from pg_authid where rolname = ${user}`;
    return await matchesVerifier(password, String(role?.["verifier"]));
  };
  return { checkout, current: await loadMasterConfig(checkout), hasPassword };
}
