import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, readFile, readlink, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { promisify } from "node:util";
import { parseConf } from "@hivematrix/lib/conf_file";
import { parseEnv } from "@hivematrix/lib/env_file";
import { parseServices } from "@hivematrix/lib/service_registry";
import { makeCheckout, makeConfig, modeOf, registry } from "../testing.ts";
import { appConf, appEnv } from "./app_files.ts";
import { syncAll } from "./config_manager.ts";
import { saveMasterConfig } from "./master_config.ts";

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
  assert.deepEqual(await syncAll(checkout, config, registry), { written: [], missing: [] });
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
