import assert from "node:assert/strict";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { makeCheckout, makeConfig, registry } from "../testing.ts";
import { syncAll } from "./config_manager.ts";
import { planSync } from "./config_plan.ts";
import { setValue } from "./config_values.ts";
import type { MasterConfig } from "./master_config.ts";
import { describePlan } from "./plan_text.ts";

const base = makeConfig();
const change = (key: string, value: unknown) => setValue(base, key, value) as MasterConfig;

test("a plan says what would be written, and writes nothing", async (t) => {
  const checkout = await makeCheckout(t);
  await syncAll(checkout, base, registry);
  const before = await readAll(checkout.root);
  const plan = await planSync(checkout, change("apps.template.port", 25_041), registry);
  assert.deepEqual(await readAll(checkout.root), before);
  assert.deepEqual(plan.files, [
    {
      file: "helm/services.json",
      action: "change",
      isEdited: false,
      changes: [
        {
          section: "template",
          name: "url",
          from: '"http://127.0.0.1:25040"',
          to: '"http://127.0.0.1:25041"',
        },
      ],
    },
    {
      file: "template/.env",
      action: "change",
      isEdited: false,
      changes: [{ name: "PORT", from: "25040", to: "25041" }],
    },
  ]);
  const { written } = await syncAll(checkout, change("apps.template.port", 25_041), registry);
  assert.deepEqual(
    written,
    plan.files.map(({ file }) => file),
  );
});

test("before the first sync everything is new, and after it there is nothing to do", async (t) => {
  const checkout = await makeCheckout(t);
  const { files } = await planSync(checkout, base, registry);
  const { written } = await syncAll(checkout, base, registry);
  assert.deepEqual(files.map(({ file }) => file).sort(), [...written].sort());
  assert.ok(files.every(({ action }) => action === "create" || action === "link"));
  const after = await planSync(checkout, base, registry);
  assert.deepEqual(after, {
    files: [],
    missing: [],
    unknown: [],
    restarts: [],
    concernsHelm: false,
  });
});

test("R31: no plan shows a secret, neither of Helm nor one that somebody wrote by hand", async (t) => {
  const checkout = await makeCheckout(t);
  const first = await planSync(checkout, base, registry);
  await syncAll(checkout, base, registry);
  const another = makeConfig(); // Every secret is another one.
  await writeFile(join(checkout.root, "core/.env"), "MY_API_KEY=hand-written-secret\nNOT A LINE\n");
  const conf = join(checkout.root, "template/instance/template.conf");
  const url = "postgresql://u:p@ss/w:hand-written-secret@127.0.0.1/d";
  await writeFile(conf, `[database]\nconnection_string = ${url}\npin = hand-written-secret\n`);
  await writeFile(join(checkout.root, "nexus/.env"), "MY_API_KEY=hand-written-secret\n");
  const second = await planSync(checkout, another, registry);
  for (const plan of [first, second]) {
    const shown = JSON.stringify(plan) + describePlan([], plan).join("\n");
    for (const secret of [...secretsOf(base), ...secretsOf(another), "hand-written-secret"]) {
      assert.ok(!shown.includes(secret), secret);
    }
  }
  const broken = second.files.find(({ file }) => file === "core/.env");
  assert.equal(broken?.note, "what stands there cannot be read: line 2 is not KEY=value");
});

test("a plan reads like a diff, with what was edited by hand", async (t) => {
  const checkout = await makeCheckout(t);
  await syncAll(checkout, base, registry);
  const file = join(checkout.root, "template/.env");
  await writeFile(file, `${await readFile(file, "utf8")}EXTRA=1\n`);
  await rm(checkout.appFolder("core"), { recursive: true });
  const plan = await planSync(checkout, change("system.log_level", "DEBUG"), registry);
  const concerned = plan.files.filter(({ file }) => file === "template/.env");
  const lines = describePlan([{ key: "system.log_level", from: "INFO", to: "DEBUG" }], {
    ...plan,
    files: concerned,
  });
  assert.deepEqual(lines, [
    'system.log_level: "INFO" → "DEBUG"',
    "",
    "template/.env",
    "  edited by hand; a copy of it would be kept",
    "  -LOG_LEVEL=INFO",
    "  +LOG_LEVEL=DEBUG",
    "  -EXTRA=1",
    "",
    "core is configured, but its folder is not there.",
    "No service that runs would be restarted.",
    'Helm itself would take up its own settings with "helm restart helm".',
  ]);
});

test("a key that nobody reads is said, with the one that may have been meant", async (t) => {
  const checkout = await makeCheckout(t);
  await syncAll(checkout, base, registry);
  const { unknown } = await planSync(checkout, change("system.publik_url", "x"), registry);
  const meant = 'did you mean "system.public_url"?';
  assert.deepEqual(unknown, [`system.publik_url is no setting that Helm knows; ${meant}`]);
  const own = change("databases.neo4j", { uri: "bolt://127.0.0.1" });
  assert.deepEqual((await planSync(checkout, own, registry)).unknown, []);
});

function secretsOf(config: MasterConfig): string[] {
  const { apps, keycloak, system, databases } = config;
  const own = Object.values(apps).flatMap((app) => [app.service_secret, app.db_password ?? ""]);
  const { client_secret, admin_client_secret = "" } = keycloak;
  const { admin_password } = databases.postgresql;
  const all = [...own, client_secret, admin_client_secret, admin_password, system.secret_key];
  return all.filter((secret) => secret !== "");
}

async function readAll(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
  return new Map(
    await Promise.all(paths.map(async (path) => [path, await readFile(path, "utf8")] as const)),
  );
}
