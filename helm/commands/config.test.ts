import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { promisify } from "node:util";
import type { Checkout } from "../config/checkout.ts";
import { findFreeOffset, modeOf } from "../testing.ts";
import { passwordVariable } from "./init.ts";
import { makeConfiguration, makeInstallation, runHere } from "./testing.ts";

test("init makes an installation, and a second time changes nothing and says so", async (t) => {
  const { checkout, helm } = await makeConfiguration(t, { isInitialised: false });
  const init = (...words: string[]) => helm("init", "--no-tls", ...words);
  const offset = await findFreeOffset();
  const first = await init("--port-offset", String(offset));
  assert.equal(first.status, 0, first.stderr);
  const port = 8000 + offset;
  assert.ok(first.stdout.startsWith(`Initialised for development at http://localhost:${port}.\n`));
  assert.match(first.stdout, /The first user is "admin", password "admin"\.\n$/);
  assert.equal(await modeOf(checkout.masterConfigFile), "600");
  const before = await readFile(checkout.masterConfigFile, "utf8");
  const second = await init("--port-offset", "0");
  assert.equal(second.status, 0);
  assert.match(second.stdout, /^This checkout is initialised already, for .*; nothing was changed/);
  assert.equal(await readFile(checkout.masterConfigFile, "utf8"), before);
});

test("without openssl there is plain HTTP, and one line that says why", async (t) => {
  const { checkout, run } = await makeInstallation(t, { isInitialised: false });
  const bin = join(checkout.root, "bin");
  await mkdir(bin);
  await symlink(process.execPath, join(bin, "node"));
  for (const program of ["dirname", "readlink"]) {
    const { stdout } = await promisify(execFile)("/bin/sh", ["-c", `command -v ${program}`]);
    await symlink(stdout.trim(), join(bin, program));
  }
  const offset = await findFreeOffset();
  const words = ["init", "--port-offset", String(offset)];
  const { stdout, status } = await run("scripts/helm", words, { env: { PATH: bin } });
  assert.equal(status, 0);
  const reason = "without TLS: there is no openssl on this machine to make a certificate";
  assert.equal(stdout.split("\n")[1], `Plain HTTP on port ${8000 + offset}, ${reason}`);
});

test("in production a generated password is shown once; a given one is not shown", async (t) => {
  const words = ["--environment", "production", "--hostname", "hive.example.org", "--no-tls"];
  const readPassword = async ({ masterConfigFile }: Checkout): Promise<string> => {
    return JSON.parse(await readFile(masterConfigFile, "utf8")).keycloak.admin_password;
  };
  const all = async () => ["init", ...words, "--port-offset", String(await findFreeOffset())];
  const init = async () => {
    const { helm, checkout } = await makeConfiguration(t, { isInitialised: false });
    const { stdout } = await helm(...(await all()));
    return { stdout, password: await readPassword(checkout) };
  };
  const generated = await init();
  assert.ok(generated.stdout.includes(`"${generated.password}". It is shown this once`));
  assert.ok(generated.password.length >= 20);
  t.after(() => delete process.env[passwordVariable]);
  process.env[passwordVariable] = "from the environment";
  const given = await init();
  delete process.env[passwordVariable];
  assert.equal(given.password, "from the environment");
  assert.doesNotMatch(given.stdout, /from the env/);
  const { run, checkout } = await makeInstallation(t, { isInitialised: false });
  const asking = [...(await all()), "--admin-password"];
  await run("scripts/helm", asking, { input: "typed in\n" });
  assert.equal(await readPassword(checkout), "typed in");
});

test("a value is shown, set and removed by its key, and the apps' files follow", async (t) => {
  const { checkout, helm } = await makeConfiguration(t);
  await helm("config", "sync-all");
  assert.equal((await helm("config", "get", "system.log_level")).stdout, "INFO\n");
  const set = await helm("config", "set", "system.log_level", "DEBUG");
  assert.match(set.stdout, /^system\.log_level is "DEBUG"\.\nWritten: .*core\/\.env/);
  assert.match(await readFile(join(checkout.root, "core/.env"), "utf8"), /^LOG_LEVEL=DEBUG$/m);
  assert.equal((await helm("config", "set", "apps.template.title", "Our notes")).status, 0);
  assert.match(await readFile(checkout.servicesFile, "utf8"), /"title": "Our notes"/);
  assert.equal((await helm("config", "unset", "apps.template.title")).status, 0);
  assert.equal((await helm("config", "get", "apps.template.title")).status, 1);
});

test("a wrong value is refused with the reason, and nothing changes", async (t) => {
  const { checkout, helm } = await makeConfiguration(t);
  const before = await readFile(checkout.masterConfigFile, "utf8");
  const refused = await helm("config", "set", "apps.core.port", "banana");
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /apps\.core\.port is "banana", it has to be a whole number from 1/);
  assert.equal((await helm("config", "unset", "apps.core")).status, 1);
  assert.equal(await readFile(checkout.masterConfigFile, "utf8"), before);
});

test("a value that somebody broke by hand is mended by config set", async (t) => {
  const { checkout, helm } = await makeConfiguration(t);
  const text = await readFile(checkout.masterConfigFile, "utf8");
  await writeFile(checkout.masterConfigFile, text.replace('"log_level": "INFO"', '"log_level": 7'));
  const refused = await helm("config", "sync-all");
  assert.match(
    refused.stderr,
    /line 6: system\.log_level is 7.*"helm config set system\.log_level/,
  );
  assert.equal((await helm("config", "set", "system.log_level", "INFO")).status, 0);
  assert.equal((await helm("config", "sync-all")).status, 0);
});

test("a file that is no JSON is refused by every command and never overwritten", async (t) => {
  const { checkout, helm } = await makeConfiguration(t);
  const broken = '{\n  "system": {\n';
  await writeFile(checkout.masterConfigFile, broken);
  for (const words of [
    ["config", "set", "system.log_level", "DEBUG"],
    ["config", "show"],
    ["config", "sync-all"],
    ["init"],
    ["up", "--detach"],
    ["status"],
  ]) {
    const refused = await helm(...words);
    assert.equal(refused.status, 1, words.join(" "));
    assert.match(
      refused.stderr,
      /master_config\.json: line 3, column 1 \(at system\): found the end/,
    );
  }
  assert.equal(await readFile(checkout.masterConfigFile, "utf8"), broken);
});

test("R31: a secret is refused as an argument, taken from standard input, and masked when shown", async (t) => {
  const { checkout, run } = await makeInstallation(t);
  const helm = (...words: string[]) => runHere(checkout, words);
  const key = "keycloak.admin_password";
  const refused = await helm("config", "set", key, "correct horse");
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /from an argument, which other users of this machine could read/);
  assert.doesNotMatch(refused.stderr, /correct horse/);
  const input = "correct horse\n";
  const set = await run("scripts/helm", ["config", "set", key], { input });
  assert.match(set.stdout, /^keycloak\.admin_password is set\.\n/);
  assert.doesNotMatch(set.stdout, /correct horse/);
  const conf = await readFile(
    join(checkout.appFolder("keycloak"), "instance/keycloak.conf"),
    "utf8",
  );
  assert.match(conf, /^password = correct horse$/m);

  const shown = (await helm("config", "show")).stdout;
  assert.equal(JSON.parse(shown).keycloak.admin_password, "********");
  assert.doesNotMatch(shown + (await helm("config", "get", "apps")).stdout, /[\w-]{43}/);
  assert.equal((await helm("config", "get", key)).stdout, "correct horse\n");
});

test("a change is shown before it is made, recorded, and undone", async (t) => {
  const { helm } = await makeConfiguration(t);
  await helm("config", "sync-all");
  const planned = await helm("config", "plan", "system.log_level", "DEBUG");
  assert.equal(planned.status, 0);
  assert.match(planned.stdout, /^core\/\.env\n {2}-LOG_LEVEL=INFO\n {2}\+LOG_LEVEL=DEBUG$/m);
  const json = JSON.parse((await helm("config", "plan", "--json")).stdout);
  assert.deepEqual(json, {
    changes: [],
    files: [],
    missing: [],
    unknown: [],
    restarts: [],
    concernsHelm: false,
  });
  await helm("config", "set", "system.log_level", "DEBUG");
  const undone = await helm("config", "undo");
  assert.match(undone.stdout, / {2}system\.log_level: "DEBUG" → "INFO"\nWritten: .*core\/\.env/);
  const { stdout } = await helm("config", "history", "--json");
  const [last] = JSON.parse(stdout);
  assert.equal(last.command, "helm config undo");
  assert.deepEqual(last.changes, [{ key: "system.log_level", from: "DEBUG", to: "INFO" }]);
  const table = (await helm("config", "history")).stdout;
  assert.match(table, /^c2 .* helm config set system\.log_level\n {2}system\.log_level$/m);
});

test("while Helm runs, config set restarts whom it concerns, unless it is told not to", async (t) => {
  const { checkout, helm, run, status } = await makeInstallation(t);
  assert.equal((await helm("up", "--detach")).status, 0);
  const before = await status();
  const words = ["config", "set", "apps.nexus.processes", "2", "--no-restart"];
  const later = await runHere(checkout, words);
  assert.match(later.stdout, /"helm up" restarts what runs with former settings\.\n$/);
  assert.equal((await status()).get("nexus")?.pid, before.get("nexus")?.pid);
  const secret = ["config", "set", "apps.template.sections.a.b"];
  const set = await run("scripts/helm", secret, { input: "c\n" });
  assert.match(set.stdout, /^apps\.template\.sections\.a\.b is set\.\n/);
  assert.match(set.stdout, /Restarted: nexus, template\.\n$/);
  const after = await status();
  const changed = [...after].filter(([name, { pid }]) => pid !== before.get(name)?.pid);
  assert.deepEqual(changed.map(([name]) => name).sort(), ["nexus", "template"]);
});

test("what was edited by hand is one line of the status, until it is replaced", async (t) => {
  const { checkout, helm } = await makeConfiguration(t);
  await helm("config", "sync-all");
  assert.doesNotMatch((await helm("status")).stdout, /Edited by hand/);
  const file = join(checkout.root, "core/.env");
  await writeFile(file, `${await readFile(file, "utf8")}MINE=1\n`);
  const line =
    /\nEdited by hand: core\/\.env \("helm config plan" shows what would replace it\)\n$/;
  assert.match((await helm("status")).stdout, line);
  const planned = (await helm("config", "plan")).stdout;
  assert.match(
    planned,
    /core\/\.env\n {2}edited by hand; a copy of it would be kept\n {2}-MINE=1\n/,
  );
  const synced = (await helm("config", "sync-all")).stdout;
  assert.match(
    synced,
    /core\/\.env had been edited by hand; what it held is kept in core\/\.env\.edited-/,
  );
  assert.deepEqual(JSON.parse((await helm("status", "--json")).stdout).edited, []);
});

test("an explanation names its key, and a misspelled one the one that was meant", async (t) => {
  const { helm } = await makeConfiguration(t);
  await helm("config", "sync-all");
  const explained = await helm("config", "explain", "CORE_SERVICE_URL", "--app", "template");
  assert.match(explained.stdout, /^CORE_SERVICE_URL of template is http:\/\/127\.0\.0\.1:\d+\n/);
  assert.match(explained.stdout, /made from {2}apps\.core\.port = \d+ \(set in .*, line \d+\)/);
  const json = await helm("config", "explain", "system.log_level", "--json");
  assert.equal(JSON.parse(json.stdout).value, "INFO");
  const wrong = await helm("config", "explain", "PROT", "--app", "template");
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /template has no variable or option PROT; did you mean "PORT"/);
  const unknown = await helm("config", "set", "sytem.log_level", "DEBUG");
  assert.equal(unknown.status, 1);
  assert.match(unknown.stderr, /no such setting; did you mean "system\.log_level"\?/);
});

test("one app's files are written by name", async (t) => {
  const { checkout, helm } = await makeConfiguration(t);
  assert.match((await helm("config", "write-dotenv", "core")).stdout, /^Written: core\/\.env\n/);
  assert.match((await helm("config", "write-conf", "core")).stdout, /core\/instance\/core\.conf\n/);
  assert.equal((await helm("config", "write-conf", "core")).stdout, "Every file was up to date.\n");
  const unknown = await helm("config", "write-dotenv", "codex");
  assert.match(unknown.stderr, /There is no app "codex", there are: keycloak, core/);
  const written = (await helm("config", "sync-all")).stdout;
  assert.doesNotMatch(written, /core\/\.env/);
  assert.ok(await readFile(join(checkout.root, "nexus/.env"), "utf8"));
});

test("the identity provider's address follows its port", async (t) => {
  const { helm } = await makeConfiguration(t);
  assert.equal((await helm("config", "set", "apps.keycloak.port", "9090")).status, 0);
  assert.equal((await helm("config", "get", "keycloak.url")).stdout, "http://127.0.0.1:9090\n");
});

test("the address of a provider elsewhere is set before or after the mode, and stays", async (t) => {
  const { helm } = await makeConfiguration(t);
  const url = "https://sso.example.org/auth";
  const set = async (key: string, value: string) =>
    assert.equal((await helm("config", "set", `keycloak.${key}`, value)).status, 0);
  await set("url", url);
  await set("realm", "staff");
  await set("mode", "external");
  assert.equal((await helm("config", "get", "keycloak.url")).stdout, `${url}\n`);
  await set("mode", "server");
  const { stdout } = await helm("config", "get", "keycloak.url");
  assert.match(stdout, /^http:\/\/127\.0\.0\.1:\d+\n$/);
});
