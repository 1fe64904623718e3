// Installing, updating and uninstalling: what goes wrong leaves everything as it was, with the reason.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import test from "node:test";
import { saveMasterConfig } from "../config/master_config.ts";
import { modeOf } from "../testing.ts";
import {
  answering,
  type InstallTest,
  installed,
  makeRepository,
  nothing,
  startInstallTest,
} from "./testing.ts";

test("an app of a repository describes itself, and lands in services.json as it says", async (t) => {
  const about = {
    title: "Rota",
    description: "Who is on call",
    icon: "R",
    allowed_levels: ["admin", "technician"],
    port: 5099,
  };
  const { name, folder, git } = await makeRepository(t, { "app.json": JSON.stringify(about) });
  const helm = await startInstallTest(t);
  const operation = await helm.run({ kind: "install", target: folder });
  assert.equal(operation.status.error, undefined);
  assert.deepEqual(await helm.tracesOf(name), installed);
  assert.equal(await helm.ask(name), "one");
  const services = JSON.parse(readFileSync(helm.checkout.servicesFile, "utf8"));
  const { port: _, ...listed } = about;
  const offset = helm.config().system.port_offset;
  assert.deepEqual(services[name], { url: `http://127.0.0.1:${5099 + offset}`, ...listed });
  const { logDir } = helm.checkout;
  const log = await readFile(join(logDir, `install-${name}.log`), "utf8");
  assert.match(log, /Running install\.sh\n.* {3}prepared\n/);
  assert.equal(await modeOf(join(logDir, `install-${name}.log`)), "600");
  const records = JSON.parse(
    readFileSync(join(helm.checkout.helmFolder, "instance/installed_apps.json"), "utf8"),
  );
  assert.equal(records[name].commit, git("rev-parse", "HEAD"));
});

test("an app that is never ready is given up, and leaves nothing", async (t) => {
  const helm = await startInstallTest(t, { readyLimitMs: 2000 });
  const { name, folder } = await makeRepository(t, { "main.ts": "setInterval(() => {}, 1000);" });
  const { status } = await helm.run({ kind: "install", target: folder });
  assert.match(status.error ?? "", /is not ready after 2 s|is starting/);
  assert.deepEqual(await helm.tracesOf(name), nothing);
});

test("an installation that fails leaves nothing, and says why", async (t) => {
  const helm = await startInstallTest(t);
  const cases = [
    [
      "a script that fails",
      { "install.sh": "#!/bin/sh\necho no luck >&2\nexit 3\n" },
      /install\.sh ended with status 3: no luck/,
    ],
    ["a service that dies", { "main.ts": 'throw new Error("no heart");' }, /crash-looping/],
    ["a wrong description", { "app.json": '{"port": "many"}' }, /app\.json: it has port "many"/],
    [
      "a missing app",
      { "app.json": '{"dependencies": ["codex"]}' },
      /needs codex, the registry does not know codex/,
    ],
  ] as const;
  for (const [what, files, reason] of cases) {
    const { name, folder } = await makeRepository(t, files);
    const operation = await helm.run({ kind: "install", target: folder });
    assert.match(operation.status.error ?? "", reason, what);
    assert.deepEqual([what, await helm.tracesOf(name)], [what, nothing]);
    if (what === "a service that dies") {
      assert.match(operation.linesFrom(0).lines.join("\n"), /The end of its log:[\s\S]*no heart/);
    }
  }
  const { name, folder } = await makeRepository(t);
  const { status } = await helm.run({ kind: "install", target: folder, ref: "v9" });
  assert.match(status.error ?? "", /no branch, tag or commit "v9"/);
  assert.deepEqual(await helm.tracesOf(name), nothing);
});

test("what is taken already is left alone: a folder, a name, a port, a database", async (t) => {
  const helm = await startInstallTest(t);
  const { name, folder } = await makeRepository(t);
  const fails = async (reason: RegExp, wishes: object = {}) => {
    const { status } = await helm.run({ kind: "install", target: folder, ...wishes });
    assert.match(status.error ?? "", reason);
  };
  await mkdir(helm.checkout.appFolder(name), { recursive: true });
  await writeFile(join(helm.checkout.appFolder(name), "work.ts"), "precious");
  await fails(/is there already/);
  assert.ok(existsSync(join(helm.checkout.appFolder(name), "work.ts")));
  await fails(/that name belongs to the platform/, { name: "logout" });

  const other = createServer().listen(0, "127.0.0.1");
  t.after(() => other.close());
  await new Promise((resolve) => other.once("listening", resolve));
  const { port } = other.address() as { port: number };
  const free = `${name}_b`;
  await fails(new RegExp(`port ${port} is taken`), { name: free, port });
  assert.deepEqual(await helm.tracesOf(free), nothing);

  await helm.run({ kind: "install", target: folder, name: free });
  const { apps, ...config } = helm.config();
  const { [free]: _, ...others } = apps;
  // Somebody has taken the app out by hand, and its database is still there.
  await saveMasterConfig(helm.checkout, { ...config, apps: others });
  await helm.platform.stop(free).catch(() => {});
  await fails(/there already/, { name: free });
  const stranger = { kind: "install", target: folder, name: free } as const;
  assert.match((await helm.run(stranger)).status.error ?? "", /is there already/);
  assert.equal((await helm.tracesOf(free)).database, true);
});

test("an update that does not work brings the former version back, with its data", async (t) => {
  const helm = await startInstallTest(t);
  const repository = await makeRepository(t);
  const { name, folder } = repository;
  await helm.run({ kind: "install", target: folder });
  const data = join(helm.checkout.appFolder(name), "instance", "data.txt");
  await writeFile(data, "precious");
  for (const [files, reason] of [
    [
      { "main.ts": 'throw new Error("no heart");' },
      /crash-looping.*in its place, with the database as the new one has left it$/,
    ],
    [
      { "install.sh": "#!/bin/sh\nexit 4\n" },
      /install\.sh ended with status 4; the former version is in its place$/,
    ],
  ] as const) {
    await repository.commit(files);
    const { status } = await helm.run({ kind: "update", app: name });
    assert.match(status.error ?? "", reason);
    assert.deepEqual(await helm.tracesOf(name), installed);
    assert.equal(await helm.ask(name), "one");
    assert.equal(await readFile(data, "utf8"), "precious");
  }
});

test("an update takes along what is untracked, and what was changed by hand only when told to", async (t) => {
  const helm = await startInstallTest(t);
  const repository = await makeRepository(t);
  const { name, folder } = repository;
  await helm.run({ kind: "install", target: folder });
  const app = helm.checkout.appFolder(name);
  const same = await helm.run({ kind: "update", app: name });
  assert.match(lastLine(same), /is up to date/);
  await writeFile(join(app, "notes.txt"), "mine");
  await writeFile(join(app, "main.ts"), answering("mine"));
  await repository.commit({ "main.ts": answering("two"), "new.txt": "new" });
  const refused = await helm.run({ kind: "update", app: name });
  assert.match(refused.status.error ?? "", /files changed by hand: main\.ts; --force/);
  assert.equal(refused.status.forcible, true);
  assert.equal(readFileSync(join(app, "main.ts"), "utf8"), answering("mine"));
  const forced = await helm.run({ kind: "update", app: name, isForced: true });
  assert.equal(forced.status.error, undefined);
  assert.equal(await helm.ask(name), "two");
  assert.equal(readFileSync(join(app, "notes.txt"), "utf8"), "mine");
  const [, branch = ""] = /on the branch (\S+)\./.exec(forced.linesFrom(0).lines.join("\n")) ?? [];
  const { execFileSync } = await import("node:child_process");
  const kept = execFileSync("git", ["show", `${branch}:main.ts`], { cwd: app, encoding: "utf8" });
  assert.equal(kept, answering("mine"));
});

test("an update stays with the ref that was asked for, else with the registry's as it is by now", async (t) => {
  const { name, folder, git, commit } = await makeRepository(t);
  git("tag", "v1");
  await commit({ "main.ts": answering("two") });
  git("tag", "v2");
  await commit({ "main.ts": answering("newest") });
  const entry = { name, port: 5070, required: false, install_order: 9, dependencies: ["core"] };
  const helm = await startInstallTest(t, {
    tracked: { [name]: { ...entry, git_url: folder, ref: "v1" } },
  });
  await helm.run({ kind: "install", target: name });
  assert.equal(await helm.ask(name), "one");
  const registryFile = join(helm.checkout.helmFolder, "apps_registry.json");
  const text = await readFile(registryFile, "utf8");
  await writeFile(registryFile, text.replace('"ref":"v1"', '"ref":"v2"'));
  await helm.run({ kind: "update", app: name });
  assert.equal(await helm.ask(name), "two");
  await helm.run({ kind: "update", app: name, ref: "v1" });
  assert.equal(await helm.ask(name), "one");
  assert.match(lastLine(await helm.run({ kind: "update", app: name })), /is up to date/);
});

test("an app that another one needs stays, and the platform's own parts do", async (t) => {
  const helm = await startInstallTest(t);
  const base = await makeRepository(t);
  await helm.run({ kind: "install", target: base.folder });
  const about = JSON.stringify({ dependencies: [base.name, "core"] });
  const above = await makeRepository(t, { "app.json": about });
  await helm.run({ kind: "install", target: above.folder });
  assert.deepEqual(await helm.tracesOf(above.name), installed);
  const { status } = await helm.run({ kind: "uninstall", app: base.name });
  assert.match(status.error ?? "", new RegExp(`${above.name} cannot do without it`));
  assert.deepEqual(await helm.tracesOf(base.name), installed);
  const core = await helm.run({ kind: "uninstall", app: "core" });
  assert.match(core.status.error ?? "", /part of the platform/);
  for (const kind of ["uninstall", "update"] as const) {
    const misspelled = await helm.run({ kind, app: `${base.name}x` });
    const expected = `Cannot ${kind} "${base.name}x": it is not installed; did you mean "${base.name}"`;
    assert.ok(misspelled.status.error?.startsWith(expected), misspelled.status.error);
  }
});

test("an app of the registry names what it needs first, in the order to install it", async (t) => {
  const [base, middle, top] = [
    await makeRepository(t),
    await makeRepository(t),
    await makeRepository(t),
  ];
  const entry = (git_url: string, dependencies: string[]) => ({
    ...{ name: "x", port: 5070, required: false, install_order: 9, git_url, dependencies },
  });
  const helm = await startInstallTest(t, {
    tracked: {
      [top.name]: entry(top.folder, [middle.name]),
      [middle.name]: entry(middle.folder, [base.name]),
      [base.name]: entry(base.folder, ["core"]),
    },
  });
  const { status } = await helm.run({ kind: "install", target: top.name });
  assert.deepEqual(status.missing, [base.name, middle.name]);
  assert.deepEqual(await helm.tracesOf(top.name), { ...nothing, entry: true });
});

test("two operations on one app at once are refused, on two apps they follow each other", async (t) => {
  const helm = await startInstallTest(t);
  const [one, two] = [await makeRepository(t), await makeRepository(t)];
  const first = await helm.manager.begin({ kind: "install", target: one.folder }, "a test");
  await assert.rejects(helm.manager.begin({ kind: "install", target: one.folder }, "a test"), {
    message: new RegExp(`Cannot install "${one.name}": an installation .* is under way`),
  });
  const second = await helm.run({ kind: "install", target: two.folder });
  assert.deepEqual([first.status.state, second.status.state], ["succeeded", "succeeded"]);
  assert.ok(String(first.status.endedAt) <= String(second.status.endedAt));
});

test("an install script sees no secret of Helm's, and nothing that it starts stays", async (t) => {
  process.env["HELM_ADMIN_PASSWORD"] = "do not tell";
  t.after(() => delete process.env["HELM_ADMIN_PASSWORD"]);
  const script = "#!/bin/sh\nenv | cut -d= -f1 > seen.txt\n(setsid sleep 600 >/dev/null 2>&1 &)\n";
  const { name, folder } = await makeRepository(t, { "install.sh": script });
  const helm = await startInstallTest(t);
  await helm.run({ kind: "install", target: folder });
  const seen = readFileSync(join(helm.checkout.appFolder(name), "seen.txt"), "utf8").split("\n");
  assert.deepEqual(
    seen.filter((variable) => /PASSWORD|SECRET|TOKEN|^HELM/.test(variable)),
    [],
  );
  assert.ok(seen.includes("PATH"));
  assert.equal((await helm.tracesOf(name)).children, false);
});

function lastLine(operation: Awaited<ReturnType<InstallTest["run"]>>): string {
  return operation.linesFrom(0).lines.at(-1) ?? "";
}
