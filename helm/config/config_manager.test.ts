import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, mkdir, readdir, readFile, readlink, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { promisify } from "node:util";
import { parseConf } from "@hivematrix/lib/conf_file";
import { parseEnv } from "@hivematrix/lib/env_file";
import { parseServices } from "@hivematrix/lib/service_registry";
import { makeCheckout, makeConfig, modeOf, registry } from "../testing.ts";
import { appConf, appEnv } from "./app_files.ts";
import { syncAll } from "./config_manager.ts";
import { type AppConfig, type MasterConfig, saveMasterConfig } from "./master_config.ts";
import { WrittenFiles } from "./written_files.ts";

const apps = ["keycloak", "core", "nexus", "helm", "template"];

test("every app gets its .env, its .conf and the link to services.json", async (t) => {
  const checkout = await makeCheckout(t);
  const config = makeConfig();
  await syncAll(checkout, config, registry);
  for (const app of apps) {
    const folder = checkout.appFolder(app);
    const env = parseEnv(await readFile(join(folder, ".env"), "utf8"));
    assert.deepEqual(env, appEnv(config, app, folder));
    if (app === "nexus") continue; // has no section of its own
    const conf = parseConf(await readFile(join(folder, "instance", `${app}.conf`), "utf8"));
    const sections = [...conf].map(([name, values]) => [name, Object.fromEntries(values)]);
    assert.deepEqual(Object.fromEntries(sections), appConf(config, app));
  }
  assert.equal(
    await readlink(join(checkout.root, "core", "services.json")),
    "../helm/services.json",
  );
  const deeper = join(checkout.root, "helm", "keycloak", "services.json");
  assert.equal(await readlink(deeper), "../services.json");
});

test("R31: what is written is 0600, except for services.json, which holds no secret", async (t) => {
  const checkout = await makeCheckout(t);
  const config = makeConfig();
  const { written } = await syncAll(checkout, config, registry);
  const files = written.filter((file) => !file.endsWith("services.json"));
  assert.equal(files.length, 9);
  for (const file of files) assert.equal(await modeOf(join(checkout.root, file)), "600", file);
  const services = await readFile(checkout.servicesFile, "utf8");
  assert.equal(await modeOf(checkout.servicesFile), "644");
  assert.doesNotMatch(services, /[\w-]{43}/);
});

test("R31: another user can read no written file but services.json", async (t) => {
  if (process.getuid?.() !== 0) return t.skip("only root can try as somebody else");
  const checkout = await makeCheckout(t);
  await chmod(checkout.root, 0o755);
  await saveMasterConfig(checkout, makeConfig());
  const { written } = await syncAll(checkout, makeConfig(), registry);
  const read = async (file: string) =>
    await promisify(execFile)(
      process.execPath,
      ["-e", "require('fs').readFileSync(process.argv[1])", join(checkout.root, file)],
      { uid: 65_534, gid: 65_534, cwd: "/" },
    );
  for (const file of [...written, "helm/instance/configs/master_config.json"]) {
    if (file.endsWith("services.json")) await read(file);
    else await assert.rejects(read(file), /EACCES/, file);
  }
});

test("services.json lists what people and services may call, with its access rules", async (t) => {
  const checkout = await makeCheckout(t);
  const config = makeConfig();
  Object.assign(config.apps, { time_sheet: { ...config.apps["template"], port: 25_041 } });
  Object.assign(config.apps["template"] ?? {}, { allowed_levels: ["admin", "technician"] });
  await syncAll(checkout, config, registry);
  const text = await readFile(checkout.servicesFile, "utf8");
  const services = parseServices(text, "services.json");
  assert.deepEqual([...services.keys()], ["core", "helm", "template", "time_sheet"]);
  assert.equal(services.get("core")?.visible, false);
  assert.equal(services.get("helm")?.admin_only, true);
  assert.equal(services.get("template")?.url, "http://127.0.0.1:25040");
  assert.deepEqual(services.get("template")?.allowed_levels, ["admin", "technician"]);
  assert.equal(services.get("time_sheet")?.title, "Time sheet");
});

test("a second sync changes nothing, a changed setting only what it concerns", async (t) => {
  const checkout = await makeCheckout(t);
  const config = makeConfig();
  const first = await syncAll(checkout, config, registry);
  assert.equal(first.written.length, 14);
  const file = join(checkout.root, "core", ".env");
  const before = (await stat(file)).mtimeMs;
  assert.deepEqual(await syncAll(checkout, config, registry), {
    written: [],
    missing: [],
    kept: [],
  });
  assert.equal((await stat(file)).mtimeMs, before);

  Object.assign(config.apps["template"] ?? {}, { db_password: "another password" });
  const { written } = await syncAll(checkout, config, registry);
  assert.deepEqual(written, ["template/instance/template.conf"]);
});

test("sections that somebody else wrote into a .conf are kept", async (t) => {
  const checkout = await makeCheckout(t);
  await syncAll(checkout, makeConfig(), registry);
  const file = join(checkout.root, "template", "instance", "template.conf");
  const theirs = "# theirs\n[freshservice]\napi_key = 50% = #1\n";
  await writeFile(file, `${await readFile(file, "utf8")}\n${theirs}`);
  await syncAll(checkout, makeConfig(), registry);
  const text = await readFile(file, "utf8");
  assert.ok(text.includes(theirs.slice("# theirs\n".length)), text);
  assert.equal(parseConf(text).get("database")?.get("db_name"), "template_db");
});

test("a services.json that is no link, or leads elsewhere, becomes the link", async (t) => {
  const checkout = await makeCheckout(t);
  const link = join(checkout.root, "nexus", "services.json");
  await writeFile(link, "{}");
  const { written } = await syncAll(checkout, makeConfig(), registry);
  assert.ok(written.includes("nexus/services.json"));
  assert.equal(await readlink(link), "../helm/services.json");
});

test("an app whose folder is gone is reported and stops nobody else's files", async (t) => {
  const checkout = await makeCheckout(t);
  await rm(checkout.appFolder("core"), { recursive: true, force: true, maxRetries: 20 });
  const { missing, written } = await syncAll(checkout, makeConfig(), registry);
  assert.deepEqual(missing, ["core"]);
  assert.ok(written.includes("template/.env"));
});

test("an app in Python gets a .flaskenv with Flask's variables and all of its .env", async (t) => {
  const checkout = await makeCheckout(t);
  const config = withFlaskApp(makeConfig());
  const folder = checkout.appFolder("codex");
  await mkdir(folder, { recursive: true });
  // What an app's install.sh leaves there to begin with (contract §8) is nobody's edit.
  await writeFile(join(folder, ".flaskenv"), "FLASK_APP=run.py\nSERVICE_NAME=codex\n");
  const { written, kept } = await syncAll(checkout, config, registry);
  assert.ok(written.includes("apps/codex/.flaskenv"));
  assert.deepEqual(kept, []);
  assert.equal(await modeOf(join(folder, ".flaskenv")), "600");
  const values = parseEnv(await readFile(join(folder, ".flaskenv"), "utf8"));
  const { FLASK_APP, FLASK_ENV, FLASK_RUN_HOST, FLASK_RUN_PORT, ...others } = values;
  assert.deepEqual([FLASK_APP, FLASK_ENV], ["run.py", "development"]);
  assert.deepEqual([FLASK_RUN_HOST, FLASK_RUN_PORT], ["127.0.0.1", "25060"]);
  assert.deepEqual(others, appEnv(config, "codex", folder));
  await assert.rejects(stat(join(checkout.appFolder("core"), ".flaskenv")), /ENOENT/);
});

test("an app that was taken out and comes again begins anew: what its installer writes is no edit", async (t) => {
  const checkout = await makeCheckout(t);
  const config = withFlaskApp(makeConfig());
  const flaskenv = join(checkout.appFolder("codex"), ".flaskenv");
  await mkdir(checkout.appFolder("codex"), { recursive: true });
  await syncAll(checkout, config, registry);
  await syncAll(checkout, makeConfig(), registry);
  await writeFile(flaskenv, "FLASK_APP=run.py\n");
  const { written, kept } = await syncAll(checkout, config, registry);
  assert.ok(written.includes("apps/codex/.flaskenv"));
  assert.deepEqual(
    kept.filter(({ file }) => file === "apps/codex/.flaskenv"),
    [],
  );
});

test("a file edited by hand is replaced, and what it held is kept beside it for its owner", async (t) => {
  const checkout = await makeCheckout(t);
  const config = makeConfig();
  assert.deepEqual((await syncAll(checkout, config, registry)).kept, []);
  const edits = {
    "core/.env": "LOG_LEVEL=mine\n",
    "helm/services.json": "{}\n",
    "template/instance/template.conf": "[database]\ndb_host = mine\n",
  };
  for (const [file, text] of Object.entries(edits)) {
    await writeFile(join(checkout.root, file), text);
  }
  const report = await syncAll(checkout, config, registry);
  assert.deepEqual(report.kept.map(({ file }) => file).sort(), Object.keys(edits).sort());
  for (const { file, copy } of report.kept) {
    assert.match(copy, /\.edited-\d{8}T\d{6}-\d{3}Z$/);
    const path = join(checkout.root, copy);
    assert.equal(await readFile(path, "utf8"), edits[file as keyof typeof edits]);
    assert.equal(await modeOf(path), "600");
  }
  assert.deepEqual((await syncAll(checkout, config, registry)).written, []);
});

test("a changed setting replaces what Helm wrote without a copy, and an edit is found before", async (t) => {
  const checkout = await makeCheckout(t);
  const config = makeConfig();
  await syncAll(checkout, config, registry);
  const debug = { ...config, system: { ...config.system, log_level: "DEBUG" } };
  const { written, kept } = await syncAll(checkout, debug, registry);
  assert.equal(written.length, 5);
  assert.deepEqual(kept, []);
  const findEdited = async () => await (await WrittenFiles.load(checkout)).findEdited();
  assert.deepEqual(await findEdited(), []);
  await writeFile(join(checkout.root, "core/.env"), "LOG_LEVEL=mine\n");
  assert.deepEqual(await findEdited(), ["core/.env"]);
});

test("of copies the newest five of each file stay", async (t) => {
  const checkout = await makeCheckout(t);
  const config = makeConfig();
  await syncAll(checkout, config, registry);
  for (const round of [1, 2, 3, 4, 5, 6, 7]) {
    await writeFile(join(checkout.root, "core/.env"), `ROUND=${round}\n`);
    await syncAll(checkout, config, registry);
  }
  const folder = join(checkout.root, "core");
  const copies = (await readdir(folder)).filter((name) => name.includes(".edited-")).sort();
  const texts = await Promise.all(copies.map((name) => readFile(join(folder, name), "utf8")));
  assert.deepEqual(texts, ["ROUND=3\n", "ROUND=4\n", "ROUND=5\n", "ROUND=6\n", "ROUND=7\n"]);
});

test("comments and sections of others in a .conf are no edit of Helm's, and stay", async (t) => {
  const checkout = await makeCheckout(t);
  const config = makeConfig();
  await syncAll(checkout, config, registry);
  const file = join(checkout.root, "template/instance/template.conf");
  const text = await readFile(file, "utf8");
  await writeFile(
    file,
    `${text.replace("db_host", "# ours since May\ndb_host")}[mail]\nhost = a\n`,
  );
  const moved = structuredClone(config);
  Object.assign(moved.databases.postgresql, { port: 25_999 });
  const { written, kept } = await syncAll(checkout, moved, registry);
  assert.ok(written.includes("template/instance/template.conf"));
  assert.deepEqual(kept, []);
  const after = await readFile(file, "utf8");
  assert.match(after, /# ours since May\ndb_host[\s\S]*db_port = 25999[\s\S]*\[mail\]\nhost = a\n/);
});

test("a section that is set no more goes from the .conf", async (t) => {
  const checkout = await makeCheckout(t);
  const config = makeConfig();
  const sections = { smtp: { host: "mail.example.org" } };
  const nexus = { ...(config.apps["nexus"] as AppConfig), sections };
  await syncAll(checkout, { ...config, apps: { ...config.apps, nexus } }, registry);
  const file = join(checkout.root, "nexus/instance/nexus.conf");
  assert.match(await readFile(file, "utf8"), /host = mail\.example\.org/);
  await syncAll(checkout, config, registry);
  assert.equal(await readFile(file, "utf8"), "");
});

function withFlaskApp(config: MasterConfig): MasterConfig {
  const template = config.apps["template"] as AppConfig;
  const names = { db_name: "codex_db", db_user: "codex_user", db_password: "p%a's=#;w" };
  const codex: AppConfig = { ...template, ...names, port: 25_060, runtime: "python" };
  return { ...config, apps: { ...config.apps, codex } };
}
