import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { syncAll } from "../config/config_manager.ts";
import { setValue } from "../config/config_values.ts";
import { loadMasterConfig, saveMasterConfig } from "../config/master_config.ts";
import { registry } from "../testing.ts";
import { ProposedChanges } from "./proposed_changes.ts";
import { readPage, readSoundPage, startSessions } from "./sessions_testing.ts";

test("a change is planned on one page, applied from there, and seen in the history", async (t) => {
  const { ask, propose, follow, checkout } = await start(t);
  const settings = await readSoundPage(await ask("/config"));
  assert.match(settings, /href="\/helm\/config\/setting\?key=system\.log_level">log_level<\/a>/);
  const setting = await readSoundPage(await ask("/config/setting?key=system.log_level"));
  assert.match(setting, /value="INFO"/);
  assert.match(setting, /href="\/helm\/config\/value\?app=core&key=LOG_LEVEL">core: LOG_LEVEL</);

  const proposed = await propose({ action: "set", key: "system.log_level", value: "DEBUG" });
  assert.equal(proposed.status, 303);
  const plan = await readSoundPage(await follow(proposed));
  assert.match(plan, /core\/\.env\n {2}-LOG_LEVEL=INFO\n {2}\+LOG_LEVEL=DEBUG/);
  assert.equal((await loadMasterConfig(checkout)).system.log_level, "INFO");

  const apply = `${proposed.headers.get("location")?.replace("/helm", "")}/apply`;
  const done = await readSoundPage(await follow(await ask(apply, { method: "POST" })));
  assert.match(done, /role="status"><p>Done: Change system\.log_level\. Written: .*core\/\.env/);
  assert.equal((await loadMasterConfig(checkout)).system.log_level, "DEBUG");
  assert.match(await readFile(join(checkout.root, "core/.env"), "utf8"), /^LOG_LEVEL=DEBUG$/m);
  const history = await readSoundPage(await ask("/config/history"));
  assert.match(history, /helm config set system\.log_level \(dashboard\).*c2 · .* · root</);
  // A change is made once.
  assert.equal((await ask(apply, { method: "POST" })).status, 404);

  const back = await propose({ action: "undo", back: "c1" });
  assert.match(await readPage(await follow(back)), /Back to how it was after c1/);
});

test("what cannot be is said where it was typed, and nothing is changed", async (t) => {
  const { ask, propose, checkout } = await start(t);
  const before = await readFile(checkout.masterConfigFile, "utf8");
  const refused = await propose({ action: "set", key: "apps.template.port", value: "25004" });
  assert.equal(refused.status, 422);
  const page = await readPage(refused);
  assert.match(
    page,
    /value-problem">apps\.template\.port is 25004, it has to be another than that/,
  );
  assert.match(page, /value="25004"/);
  assert.equal((await ask("/config/setting?key=system.loglevel")).status, 404);
  assert.equal((await ask("/config/value?app=template&key=NOPE")).status, 404);
  assert.equal((await ask("/config/value?app=nope&key=PORT")).status, 404);
  assert.equal((await propose({ action: "burn" })).status, 400);
  assert.equal(await readFile(checkout.masterConfigFile, "utf8"), before);
});

test("R31: a secret can be set and is on no page, not even the plan's", async (t) => {
  const { ask, propose, follow, checkout } = await start(t);
  const value = "a-new-secret-nobody-sees";
  const key = "apps.template.db_password";
  const refused = await propose({ action: "set", key: "system.secret_key", value: "too short" });
  assert.doesNotMatch(await refused.text(), /too short/);
  const proposed = await propose({ action: "set", key, value });
  const pages = [await follow(proposed)];
  const apply = `${proposed.headers.get("location")?.replace("/helm", "")}/apply`;
  pages.push(await follow(await ask(apply, { method: "POST" })));
  for (const path of [
    "/config",
    `/config/setting?key=${key}`,
    "/config/history",
    "/config/value?app=template&key=database.connection_string",
    "/api/config",
    "/api/config/history",
    `/api/config/explain?key=${key}`,
  ]) {
    pages.push(await ask(path));
  }
  const config = await loadMasterConfig(checkout);
  assert.equal(config.apps["template"]?.db_password, value);
  const secrets = [value, config.system.secret_key, config.apps["helm"]?.db_password ?? "-"];
  for (const page of pages) {
    assert.equal(page.status, 200, page.url);
    const text = await page.text();
    for (const secret of secrets) assert.ok(!text.includes(secret), page.url);
  }
});

test("a file edited by hand is shown, and what replaces it is planned from there", async (t) => {
  const { ask, propose, follow, checkout } = await start(t);
  const file = join(checkout.root, "core/.env");
  await writeFile(file, `${await readFile(file, "utf8")}MINE=<b>\n`);
  assert.match(
    await readSoundPage(await ask("/config")),
    /Edited by hand [\s\S]*?<code>core\/\.env</,
  );
  const plan = await readSoundPage(await follow(await propose({ action: "sync" })));
  assert.match(plan, /Edited by hand [\s\S]*?a copy is kept[\s\S]*?<code>core\/\.env</);
  assert.match(plan, /-MINE=&lt;b&gt;/);
});

test("a plan that others have overtaken is not applied", async (t) => {
  const { ask, propose, follow, checkout, config } = await start(t);
  const proposed = await propose({ action: "set", key: "system.log_level", value: "DEBUG" });
  await saveMasterConfig(checkout, setValue(config, "apps.template.title", "Theirs"));
  const apply = `${proposed.headers.get("location")?.replace("/helm", "")}/apply`;
  const page = await readPage(await follow(await ask(apply, { method: "POST" })));
  assert.match(page, /alert--error.*somebody else has changed the settings meanwhile/);
  const saved = await loadMasterConfig(checkout);
  assert.deepEqual([saved.system.log_level, saved.apps["template"]?.title], ["INFO", "Theirs"]);
});

test("the same as JSON: settings, plan, change, history, explanation", async (t) => {
  const { ask, checkout } = await start(t);
  const post = async (path: string, body: object) => {
    const headers = { "content-type": "application/json", accept: "application/json" };
    const response = await ask(path, { method: "POST", headers, body: JSON.stringify(body) });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const { settings } = (await (await ask("/api/config")).json()) as {
    settings: { key: string; value?: unknown; place?: string; absent?: string }[];
  };
  const find = (key: string) => settings.find((setting) => setting.key === key);
  assert.equal(find("system.secret_key")?.value, "********");
  assert.equal(find("system.session_lifetime_seconds")?.absent, "an hour");
  const change = { action: "set", key: "apps.template.visible", value: false };
  const planned = await post("/api/config/plan", change);
  assert.deepEqual(planned.body["changes"], [{ key: "apps.template.visible", to: false }]);
  assert.equal((await loadMasterConfig(checkout)).apps["template"]?.visible, undefined);
  const made = await post("/api/config", change);
  assert.deepEqual(made.body["written"], ["helm/services.json"]);
  assert.equal((await loadMasterConfig(checkout)).apps["template"]?.visible, false);
  assert.equal((await post("/api/config", { action: "undo" })).status, 200);
  assert.equal((await loadMasterConfig(checkout)).apps["template"]?.visible, undefined);
  const explained = await ask("/api/config/explain?app=template&key=PORT");
  assert.equal(((await explained.json()) as { value: string }).value, "25040");
  assert.equal((await post("/api/config", { action: "set", key: "x.y", value: 1 })).status, 422);
  assert.equal((await post("/api/config", { action: "set" })).status, 400);
  // Without a plan that somebody has looked at, there is nothing to be overtaken.
  const both = await Promise.all([
    post("/api/config", { ...change, value: true }),
    post("/api/config", { action: "set", key: "system.log_level", value: "DEBUG" }),
  ]);
  assert.deepEqual(
    both.map(({ status }) => status),
    [200, 200],
  );
  const { system, apps } = await loadMasterConfig(checkout);
  assert.deepEqual([system.log_level, apps["template"]?.visible], ["DEBUG", true]);
});

test("a way back over an app's installation is refused, with the command that undoes it", async (t) => {
  const { propose, follow, checkout, config } = await start(t);
  const rota = { port: 25_050, service_secret: "the-secret-of-the-rota-app" };
  await saveMasterConfig(checkout, setValue(config, "apps.rota", rota));
  await mkdir(checkout.appFolder("rota"), { recursive: true });
  const page = await readPage(await follow(await propose({ action: "undo", back: "1" })));
  assert.match(page, /alert--error.*rota has been installed since.*helm uninstall rota/);
});

test("R9, R23: whose session has ended changes nothing, though the token has not expired", async (t) => {
  const { core, token, ask, propose, checkout } = await start(t);
  const proposed = await propose({ action: "set", key: "system.log_level", value: "DEBUG" });
  await core.post("/api/token/revoke", { token });
  const apply = `${proposed.headers.get("location")?.replace("/helm", "")}/apply`;
  assert.equal((await ask(apply, { method: "POST" })).status, 401);
  assert.equal((await propose({ action: "sync" })).status, 401);
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ action: "set", key: "system.log_level", value: "DEBUG" });
  assert.equal((await ask("/api/config", { method: "POST", headers, body })).status, 401);
  assert.equal((await loadMasterConfig(checkout)).system.log_level, "INFO");
});

test("a proposed change is its maker's alone, for a quarter of an hour", () => {
  const proposals = new ProposedChanges();
  const change = { command: "c", title: "t", base: "b", next: {} };
  const name = proposals.keep("ada", change, 0);
  assert.equal(proposals.find("ada", name, 1), change);
  assert.equal(proposals.find("grace", name, 1), undefined);
  assert.equal(proposals.find("ada", name, 15 * 60 * 1000), undefined);
});

async function start(t: TestContext) {
  const sessions = await startSessions(t);
  const { ask, checkout } = sessions;
  const config = setValue(sessions.config, "databases.postgresql.mode", "external");
  const secret = "the-secret-of-this-test's-core";
  const complete = setValue(config, "apps.core.service_secret", secret);
  await saveMasterConfig(checkout, complete);
  const loaded = await loadMasterConfig(checkout);
  await syncAll(checkout, loaded, registry);
  return {
    ...sessions,
    config: loaded,
    propose: (fields: Record<string, string>) =>
      ask("/config/propose", { method: "POST", body: new URLSearchParams(fields) }),
    follow: (response: Response) =>
      ask((response.headers.get("location") ?? "").replace(/^\/helm/, "")),
  };
}
