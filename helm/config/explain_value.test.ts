import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { makeCheckout, makeConfig, registry } from "../testing.ts";
import { appConf, appEnv } from "./app_files.ts";
import type { Checkout } from "./checkout.ts";
import { syncAll } from "./config_manager.ts";
import { setValue } from "./config_values.ts";
import { explainSetting } from "./explain_setting.ts";
import { describeSetting, describeValue } from "./explain_text.ts";
import { explainValue } from "./explain_value.ts";
import { type MasterConfig, readMasterDocument, saveMasterConfig } from "./master_config.ts";
import { findProblem, masterRules } from "./master_rules.ts";
import { findSources } from "./value_sources.ts";

const base = makeConfig();

test("a derived address names the key that it is made from, with its line, and where it stands", async (t) => {
  const { explain } = await install(t);
  const explained = await explain("template", "CORE_SERVICE_URL");
  assert.equal(explained.value, "http://127.0.0.1:25000");
  assert.deepEqual(explained.places, [{ file: "template/.env", line: 9 }]);
  const [source, ...others] = explained.sources;
  assert.deepEqual([source?.key, source?.value], ["apps.core.port", 25_000]);
  assert.match(source?.place ?? "", /^helm\/instance\/configs\/master_config\.json, line \d+$/);
  assert.deepEqual(others, []);
});

test("what is not set and would count is named with what counts meanwhile", async (t) => {
  const { explain } = await install(t);
  const { sources, unset } = await explain("template", "NEXUS_SERVICE_URL");
  const keys = sources.map(({ key }) => key);
  assert.deepEqual(keys, ["system.hostname", "apps.nexus.port", "apps.nexus.tls"]);
  const absent = "the host name and Nexus's port";
  assert.deepEqual(unset, [{ key: "system.public_url", isSecret: false, absent }]);
});

test("what a setting overrides is said", async (t) => {
  const config = setValue(base, "system.public_url", "https://hive.example.org") as MasterConfig;
  const { explain } = await install(t, config);
  const { value, sources } = await explain("template", "NEXUS_SERVICE_URL");
  assert.equal(value, "https://hive.example.org");
  assert.deepEqual(
    sources.map(({ key, overrides }) => [key, overrides]),
    [["system.public_url", "http://localhost:28000"]],
  );
});

test("a section of the master configuration that takes the place of Helm's own is its source", async (t) => {
  const key = "apps.template.sections.database.connection_string";
  const { explain } = await install(t, setValue(base, key, "sqlite:notes.db") as MasterConfig);
  const { sources } = await explain("template", "database.connection_string");
  assert.deepEqual(
    sources.map((source) => source.key),
    [key],
  );
});

test("R31: an explanation shows no secret, of its value, its sources or the file", async (t) => {
  const { explain, checkout } = await install(t);
  const conf = join(checkout.root, "template/instance/template.conf");
  const text = await readFile(conf, "utf8");
  await writeFile(conf, text.replace(/template_user:[^@]+@/, "template_user:by-hand@"));
  for (const key of ["SECRET_KEY", "SERVICE_SECRET", "database.connection_string"]) {
    const explained = await explain("template", key);
    const shown = JSON.stringify(explained) + describeValue(explained).join("\n");
    assert.match(shown, /\*{8}/);
    const { service_secret, db_password = "" } = base.apps["template"] ?? { service_secret: "" };
    for (const secret of [service_secret, db_password, base.system.secret_key, "by-hand"]) {
      assert.ok(!shown.includes(secret), `${key}: ${secret}`);
    }
  }
});

test("a file that has another value than Helm would write is said to, in words too", async (t) => {
  const { explain, checkout } = await install(t);
  const file = join(checkout.root, "template/.env");
  await writeFile(file, (await readFile(file, "utf8")).replace("LOG_LEVEL=INFO", "LOG_LEVEL=mine"));
  const explained = await explain("template", "LOG_LEVEL");
  assert.deepEqual(explained.places, [{ file: "template/.env", line: 6, found: "mine" }]);
  const lines = describeValue(explained);
  assert.equal(lines[0], "LOG_LEVEL of template is INFO");
  assert.match(lines[1] ?? "", /line 6, where now stands mine: helm config sync-all/);
  assert.match(lines[3] ?? "", /made from {2}system\.log_level = "INFO" \(set in .*, line 6\)/);
});

test("an app in Python finds its variables in both files", async (t) => {
  const template = { ...base.apps["template"], port: 25_060, runtime: "python" };
  const config = setValue(base, "apps.codex", template) as MasterConfig;
  const { explain } = await install(t, config, ["codex"]);
  const files = async (key: string) => (await explain("codex", key)).places.map(({ file }) => file);
  assert.deepEqual(await files("PORT"), ["apps/codex/.env", "apps/codex/.flaskenv"]);
  assert.deepEqual(await files("FLASK_APP"), ["apps/codex/.flaskenv"]);
});

test("a name that the app is not given is refused with what may have been meant", async (t) => {
  const { explain } = await install(t);
  const message =
    /^template has no variable or option CORE_SERVICE_ULR; did you mean "CORE_SERVICE_URL"/;
  await assert.rejects(explain("template", "CORE_SERVICE_ULR"), { message });
});

test("a key of the settings says whom it reaches, and what of the app registry it overrides", async (t) => {
  const { checkout } = await install(t);
  const explain = async (key: string) =>
    explainSetting(checkout, await readMasterDocument(checkout), registry, key);
  const port = await explain("apps.template.port");
  assert.deepEqual(port.reaches, ["template: PORT", "services.json: template.url"]);
  const title = await explain("apps.template.title");
  assert.equal(title.registry, "Notes");
  assert.equal(title.place, undefined);
  await saveMasterConfig(checkout, setValue(base, "apps.template.title", "Ours"));
  const set = await explain("apps.template.title");
  assert.match(describeSetting(set).join("\n"), /registry {3}"Notes", which this takes precedence/);
  const secret = await explain("system.secret_key");
  assert.equal(secret.value, "********");
  await assert.rejects(explain("system.loglevel"), /did you mean "system\.log_level"/);
});

test("every rule has samples that it accepts, so that no key's effect goes unseen", () => {
  const groups = new Set(["an object"]);
  for (const { key, check } of masterRules) {
    if (groups.has(check.expected) || check.expected.startsWith("an object with")) continue;
    assert.ok((check.samples ?? []).length > 0, key);
    for (const sample of check.samples ?? []) assert.ok(check.accepts(sample), `${key}: ${sample}`);
  }
});

test("no key that an app's files are made from is missing among the sources", () => {
  // Whatever appEnv and appConf look at while they run is recorded; each found source is among it,
  // and whatever is set to a sample and changes a file is found.
  for (const app of ["core", "nexus", "template", "keycloak"]) {
    const read = new Set<string>();
    const recorded = recordReads(base, read) as MasterConfig;
    const all = (config: MasterConfig) =>
      JSON.stringify([appEnv(config, app, "/x"), appConf(config, app)]);
    all(recorded);
    const sources = findSources(base, all);
    for (const key of sources) {
      const group = key.replace(/\.[^.]*$/, ""); // Of limits all are looked at, by no name.
      assert.ok(read.has(key) || read.has(group), `${app} never looks at ${key}`);
    }
    const isLeaf = (key: string) => ![...read].some((other) => other.startsWith(`${key}.`));
    const unseen = [...read].filter((key) => isLeaf(key) && !sources.includes(key));
    // Read, but without effect as things are: each counts in another mode, with TLS or a database only.
    const known =
      /\.tls_|\.redirect_port$|^keycloak\.url$|\.sections$|\.limits$|^databases\.postgresql$|^apps\.nexus\.db_/;
    assert.deepEqual(
      unseen.filter((key) => !known.test(key)),
      [],
      app,
    );
  }
  assert.equal(findProblem(base), undefined);
});

/** The same configuration, which notes the dotted key of everything that is read of it. */
function recordReads(value: unknown, read: Set<string>, prefix = ""): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return new Proxy(value, {
    get(target, name) {
      if (typeof name === "symbol") return Reflect.get(target, name);
      const key = prefix === "" ? name : `${prefix}.${name}`;
      read.add(key);
      return recordReads(Reflect.get(target, name), read, key);
    },
  });
}

async function install(t: TestContext, config: MasterConfig = base, more: readonly string[] = []) {
  const checkout: Checkout = await makeCheckout(t);
  for (const app of more) await mkdir(checkout.appFolder(app), { recursive: true });
  await saveMasterConfig(checkout, config);
  await syncAll(checkout, config, registry);
  const explain = async (app: string, key: string) =>
    await explainValue(checkout, await readMasterDocument(checkout), registry, { app, key });
  return { checkout, explain };
}
