import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import test from "node:test";
import { makeCheckout, makeConfig, modeOf } from "../testing.ts";
import type { Checkout } from "./checkout.ts";
import { setValue, unsetValue } from "./config_values.ts";
import { isInitialised, loadMasterConfig, saveMasterConfig } from "./master_config.ts";

test("a saved configuration is read back the same, foreign keys included", async (t) => {
  const checkout = await makeCheckout(t);
  const config = setValue(makeConfig(), "databases.neo4j.uri", "bolt://localhost:7687");
  assert.equal(await isInitialised(checkout), false);
  await saveMasterConfig(checkout, config);
  assert.equal(await isInitialised(checkout), true);
  assert.deepEqual(await loadMasterConfig(checkout), config);
});

test("the contract's keys are all there", () => {
  const { system, keycloak, databases, apps } = makeConfig();
  const contract = ["hostname", "environment", "secret_key", "log_level"];
  assert.deepEqual(
    contract.filter((key) => !(key in system)),
    [],
  );
  const client = ["url", "realm", "client_id", "client_secret", "admin_username", "admin_password"];
  assert.deepEqual(
    client.filter((key) => !(key in keycloak)),
    [],
  );
  assert.equal(keycloak.client_id, "core-client");
  assert.equal(databases.postgresql.admin_user, "postgres");
  const { port, database, db_name, db_user } = apps["template"] ?? {};
  assert.deepEqual(
    { port, database, db_name, db_user },
    { port: 25_040, database: "postgresql", db_name: "template_db", db_user: "template_user" },
  );
});

test("R31: the master configuration is 0600 in a folder 0700, and no other user can read it", async (t) => {
  const checkout = await makeCheckout(t);
  await saveMasterConfig(checkout, makeConfig());
  assert.equal(await modeOf(checkout.masterConfigFile), "600");
  assert.equal(await modeOf(dirname(checkout.masterConfigFile)), "700");
});

test("without a file the way to make one is named", async (t) => {
  const checkout = await makeCheckout(t);
  await assert.rejects(loadMasterConfig(checkout), {
    message:
      'Cannot read helm/instance/configs/master_config.json: there is none yet, run "helm init"',
  });
});

test("a corrupt file is refused with line, column and key, and left as it is", async (t) => {
  const checkout = await makeCheckout(t);
  const text = '{\n  "system": {\n    "hostname": localhost\n';
  await writeRaw(checkout, text);
  await assert.rejects(
    loadMasterConfig(checkout),
    /master_config\.json: line 3, column 17 \(at system\.hostname\): found "l" .*Helm does not touch it/,
  );
  assert.equal(await readFile(checkout.masterConfigFile, "utf8"), text);
});

const wrong: readonly [key: string, value: unknown, message: RegExp][] = [
  [
    "apps.core.port",
    "banana",
    /apps\.core\.port is "banana", it has to be a whole number from 1 to/,
  ],
  ["apps.core.port", 70_000, /apps\.core\.port is 70000/],
  ["apps.nexus.redirect_port", -1, /apps\.nexus\.redirect_port is -1, .*from 0 to/],
  [
    "apps.nexus.redirect_port",
    28_000,
    /redirect_port is 28000, .*another than that of apps\.nexus\.port/,
  ],
  ["apps.core.port", 28_000, /apps\.nexus\.port is 28000, .*another than that of apps\.core\.port/],
  ["apps.core.port", 25_432, /apps\.core\.port .*that of databases\.postgresql\.port/],
  ["system.environment", "prod", /"prod", it has to be "development" or "production"/],
  ["system.log_level", 7, /system\.log_level is 7, it has to be "DEBUG" or/],
  ["system.public_url", "https://hive/x", /an http or https URL without a path/],
  ["apps", [], /apps is \[\], it has to be an object/],
  ["apps.Core", { port: 7001, service_secret: "0123456789abcdef" }, /apps\.Core is named wrongly/],
  ["apps.core.db_name", 'x"; DROP', /apps\.core\.db_name is "x\\"; DROP", it has to be a name/],
  ["apps.nexus.trusted_proxies", ["proxy.example"], /a list, each of it an IP address/],
  ["apps.nexus.limits.header_count", 0, /header_count is 0, .* from 50 to 5000/],
  ["apps.nexus.limits", { header_counts: 200 }, /an object with nothing but header_bytes, /],
  ["apps.template.allowed_levels", ["boss"], /a list, each of it "admin" or/],
];
for (const [key, value, message] of wrong) {
  test(`${key} = ${JSON.stringify(value)} is refused with the reason and the remedy`, async (t) => {
    const checkout = await makeCheckout(t);
    const config = setValue(makeConfig(), key, value);
    await assert.rejects(saveMasterConfig(checkout, config), message);
    assert.equal(await isInitialised(checkout), false);
    await writeRaw(checkout, JSON.stringify(config, null, 2));
    await assert.rejects(loadMasterConfig(checkout), { name: "MasterConfigError", message });
    await assert.rejects(loadMasterConfig(checkout), /line \d+.*mend it with "helm config set /);
  });
}

test("a missing key is named with the way to set it", async (t) => {
  const checkout = await makeCheckout(t);
  await writeRaw(checkout, JSON.stringify(unsetValue(makeConfig(), "apps.core.db_password")));
  await assert.rejects(loadMasterConfig(checkout), {
    message:
      'Cannot use helm/instance/configs/master_config.json: apps.core.db_password is missing, it has to be there because apps.core.database is set; mend it with "helm config set apps.core.db_password <value>"',
  });
  const misspelled = setValue(
    unsetValue(makeConfig(), "system.log_level"),
    "system.loglevel",
    "INFO",
  );
  await writeRaw(checkout, JSON.stringify(misspelled));
  const meant =
    /system\.log_level is missing \(system\.loglevel is there, which nobody reads\), it has/;
  await assert.rejects(loadMasterConfig(checkout), meant);
  await writeRaw(checkout, "{}");
  await assert.rejects(loadMasterConfig(checkout), /: system is missing, it has to be an object/);
});

test("a wrong secret is not printed", async (t) => {
  const checkout = await makeCheckout(t);
  await writeRaw(
    checkout,
    JSON.stringify(setValue(makeConfig(), "system.secret_key", "hush hush")),
  );
  const refused = await loadMasterConfig(checkout).catch((error: Error) => error.message);
  assert.match(String(refused), /system\.secret_key is wrong, it has to be 16 or more printable/);
  assert.doesNotMatch(String(refused), /hush/);
});

async function writeRaw(checkout: Checkout, text: string): Promise<void> {
  await mkdir(dirname(checkout.masterConfigFile), { recursive: true });
  await writeFile(checkout.masterConfigFile, text);
}

test("the second port of a real Keycloak is nobody else's, and counts only while Helm runs it", async (t) => {
  const checkout = await makeCheckout(t);
  const clash = setValue(makeConfig(), "keycloak.management_port", 25_000);
  await saveMasterConfig(checkout, clash);
  await assert.rejects(saveMasterConfig(checkout, setValue(clash, "keycloak.mode", "server")), {
    message: /keycloak\.management_port is 25000, .*another than that of apps\.core\.port/,
  });
});

test("where Keycloak's archive is and what it hashes to are checked before they are needed", async (t) => {
  const checkout = await makeCheckout(t);
  for (const [key, value, reason] of [
    ["archive", "keycloak.tar.gz", /an absolute path or an http or https URL/],
    ["archive_sha256", "abc", /a SHA-256 of 64 digits/],
    ["url", "https://sso.example.org/?a=b", /an http or https URL without a query/],
    ["mode", "real", /"embedded" or "server" or "external"/],
  ] as const) {
    const config = setValue(makeConfig(), `keycloak.${key}`, value);
    await assert.rejects(saveMasterConfig(checkout, config), { message: reason });
  }
});
