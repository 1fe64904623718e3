// The command line as people use it: every test runs scripts/helm in an installation for tests.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { waitFor } from "@hivematrix/lib/wait_for";
import { readProcess } from "../services/process_table.ts";
import { isSameProcess, readRunFile } from "../services/run_file.ts";
import { makeInstallation, type TestInstallation } from "./testing.ts";

const services = ["keycloak", "core", "nexus", "template"];

// Starting one for each of these tests would take most of their time, so each goes on with what the
// one before has left.
describe("an installation from up to down", () => {
  const cleanUps: (() => unknown)[] = [];
  let installation: TestInstallation;
  before(async () => {
    installation = await makeInstallation({ after: (cleanUp) => cleanUps.push(cleanUp) });
  });
  after(async () => {
    for (const cleanUp of cleanUps) await cleanUp();
  });

  test("up starts everything, and up again changes nothing", async () => {
    const { helm, status } = installation;
    const up = await helm("up", "--detach");
    assert.equal(up.status, 0, up.stdout + up.stderr);
    assert.match(up.stdout, /HiveMatrix is ready: http:\/\/localhost:\d+\nSign in as "admin"/);
    const shown = JSON.parse((await helm("status", "--json")).stdout);
    const states = shown.services.map(({ name, state }: Record<string, string>) => [name, state]);
    assert.deepEqual(
      new Map(states),
      new Map([...services, "helm"].map((name) => [name, "ready"])),
    );
    const before = await status();

    assert.equal((await helm("up", "--detach")).status, 0);
    const after = await status();
    for (const [name, { pid }] of before) assert.equal(after.get(name)?.pid, pid, name);
  });

  test("R31: no process has a secret among its arguments, and Helm's has a session of its own", async () => {
    const { checkout, status } = installation;
    const config = await readFile(checkout.masterConfigFile, "utf8");
    const secrets = config.match(/[\w-]{43}/g) ?? [];
    assert.ok(secrets.length >= 8);
    for (const [name, { pid }] of await status()) {
      const words = await readFile(`/proc/${pid}/cmdline`, "utf8");
      assert.match(words, name === "helm" ? /daemon\.mjs/ : /main\.ts/);
      for (const secret of secrets) assert.equal(words.includes(secret), false, name);
    }
    const helmPid = (await status()).get("helm")?.pid;
    // pid (command) state parent group session
    const fields = (await readFile(`/proc/${helmPid}/stat`, "utf8")).split(") ")[1]?.split(" ");
    assert.equal(fields?.[3], String(helmPid));
  });

  test("services are stopped, started and restarted by name, Helm too", async () => {
    const { helm, status } = installation;
    const before = await status();
    assert.equal((await helm("stop", "template")).stdout, "template is stopped.\n");
    assert.equal((await status()).get("template")?.state, "stopped");
    assert.match((await helm("start", "template")).stdout, /^template is ready, process \d+\.\n$/);
    assert.match(
      (await helm("restart", "core", "nexus")).stdout,
      /^core is ready.*\nnexus is ready/,
    );
    assert.match((await helm("restart", "helm")).stdout, /^helm is ready, process \d+\.\n$/);
    const after = await status();
    const hasChanged = (name: string) => before.get(name)?.pid !== after.get(name)?.pid;
    const changed = [...before.keys()].filter(hasChanged).sort();
    // Of Nexus the process that keeps the others stays, where there are others.
    assert.deepEqual(
      changed.filter((name) => name !== "nexus"),
      ["core", "helm", "template"],
    );

    const main = join(installation.checkout.root, "helm", "main.ts");
    const good = await readFile(main, "utf8");
    await writeFile(main, `${good}export const x = ;\n`);
    const refused = await helm("restart", "helm");
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /^Cannot start helm: .*main\.ts:\d+:17: Unexpected ";"\n$/);
    await writeFile(main, good);

    assert.equal((await helm("restart")).status, 0);
    const restarted = await status();
    assert.equal(restarted.get("helm")?.pid, after.get("helm")?.pid);
    for (const name of services.filter((each) => each !== "nexus")) {
      assert.notEqual(restarted.get(name)?.pid, after.get(name)?.pid);
    }
    assert.match(
      (await helm("stop", "codex")).stderr,
      /Cannot find service "codex", there are: key/,
    );
  });

  test("a broken setting stops that service alone, with key and remedy in up and in status", async () => {
    const { checkout, helm, status } = installation;
    const file = join(checkout.root, "template", ".env");
    await writeFile(file, (await readFile(file, "utf8")).replace(/^PORT=.*$/m, ""));
    const restart = await helm("restart", "template");
    assert.equal(restart.status, 1);
    const reason = /PORT is missing, run "helm config sync-all"/;
    assert.match(restart.stderr, reason);
    const broken = (await status()).get("template");
    assert.equal(broken?.state, "crash-looping");
    assert.match(broken?.reason ?? "", reason);
    assert.equal((await status()).get("core")?.state, "ready");

    assert.equal(
      (await helm("config", "sync-all")).stdout.split("\n")[0],
      "Written: template/.env",
    );
    assert.equal((await helm("restart", "template")).status, 0);
  });

  test("the next daemon takes over what a killed one left running", async () => {
    const { helm, status } = installation;
    const before = await status();
    process.kill(before.get("helm")?.pid ?? 0, "SIGKILL");
    const up = await helm("up", "--detach");
    assert.equal(up.status, 0, up.stdout + up.stderr);
    const after = await status();
    for (const name of services) assert.equal(after.get(name)?.pid, before.get(name)?.pid, name);
    assert.notEqual(after.get("helm")?.pid, before.get("helm")?.pid);
  });

  test("a killed daemon is seen, and down stops what it left running", async () => {
    const { checkout, helm, status } = installation;
    const running = await status();
    const pid = running.get("helm")?.pid ?? 0;
    process.kill(pid, "SIGKILL");
    // A signal is delivered when the kernel comes to it; until then it could still be asked.
    await waitFor(async () => (await readProcess(pid)) === undefined);
    const orphaned = await status();
    assert.equal(orphaned.get("helm")?.state, "stopped");
    assert.equal(orphaned.get("core")?.state, "ready");
    assert.match(orphaned.get("core")?.reason ?? "", /Helm is not running/);
    const refused = await helm("restart", "core");
    assert.equal(refused.status, 1);
    assert.match(
      refused.stderr,
      /^Helm is not running: start everything with "helm up --detach"\n$/,
    );

    const down = await helm("down");
    assert.equal(down.status, 0, down.stderr);
    for (const name of services) {
      assert.match(down.stdout, new RegExp(name));
      assert.equal(await readRunFile(checkout.runDir, name), undefined);
      assert.ok(await isGone(running.get(name)?.pid), name);
    }
  });
});

test("down works with a broken configuration and a killed daemon too", async (t) => {
  const { checkout, helm, status } = await makeInstallation(t);
  await helm("up", "--detach");
  const running = await status();
  process.kill(running.get("helm")?.pid ?? 0, "SIGKILL");
  const good = await readFile(checkout.masterConfigFile, "utf8");
  await writeFile(checkout.masterConfigFile, "{");
  assert.equal((await helm("down")).status, 0);
  for (const name of services) {
    assert.ok(await isGone(running.get(name)?.pid), name);
  }
  await writeFile(checkout.masterConfigFile, good);
});

test("up says what does not get ready, and leaves the rest running", async (t) => {
  const { checkout, helm } = await makeInstallation(t);
  await writeFile(
    join(checkout.root, "template", "main.ts"),
    'console.error("Error: no honey left");\nprocess.exit(3);\n',
  );
  const up = await helm("up", "--detach");
  assert.equal(up.status, 1);
  assert.match(up.stdout, /template {2}crash-looping .*\n {2}exit status 3.*Error: no honey left/);
  assert.match(up.stdout, /Not ready: template\. The rest keeps running/);
  // What was broken before is not the restart's doing, and what fails keeps no other from being restarted.
  const several = await helm("restart", "template", "helm", "nexus");
  assert.equal(several.status, 1);
  assert.match(several.stderr, /^template is crash-looping \(.*Error: no honey left\)\n$/);
  assert.match(several.stdout, /^helm is ready, .*\nnexus is ready, /);
  assert.match(up.stdout, /core {6}ready/);
});

test("a taken port is named with its holder and the way out", async (t) => {
  const { helm, checkout } = await makeInstallation(t);
  const config = JSON.parse(await readFile(checkout.masterConfigFile, "utf8"));
  const server = createServer((_, response) => response.end());
  await new Promise<void>((resolve) => {
    server.listen(config.apps.helm.port, "127.0.0.1", resolve);
  });
  t.after(() => server.close());
  const up = await helm("up", "--detach");
  assert.equal(up.status, 1);
  const port = config.apps.helm.port;
  const expected = `Cannot start helm: port ${port} is taken by process ${process.pid} (`;
  assert.ok(up.stderr.startsWith(expected), up.stderr);
  assert.match(up.stderr, /port-offset|config set/);
});

test("in the foreground it stays until Ctrl-C, which stops everything", async (t) => {
  const { checkout, status } = await makeInstallation(t);
  const child = spawn(join(checkout.root, "scripts/helm"), ["up"], { detached: true });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    output += text;
  });
  await waitFor(() => output.includes("Press Ctrl-C to stop everything."), { timeoutMs: 30_000 });
  const records = await Promise.all(services.map((name) => readRunFile(checkout.runDir, name)));
  assert.equal((await status()).get("nexus")?.state, "ready");
  // As a terminal does: to the whole foreground group.
  process.kill(-(child.pid ?? 0), "SIGINT");
  const code = await new Promise((resolve) => child.on("exit", resolve));
  assert.equal(code, 0, output);
  for (const record of records) {
    assert.ok(record);
    assert.equal(await isSameProcess(record), false);
  }
});

test("up --dev restarts an edited service, and that one alone; down leaves no process", async (t) => {
  const { checkout, helm, status } = await makeInstallation(t);
  assert.equal((await helm("up", "--detach", "--dev")).status, 0);
  const before = await status();
  const file = join(checkout.appFolder("template"), "main.ts");
  await writeFile(file, `// edited\n${await readFile(file, "utf8")}`);
  const after = await waitFor(
    async () => {
      const now = await status();
      const { state, pid } = now.get("template") ?? {};
      return state === "ready" && pid !== before.get("template")?.pid ? now : undefined;
    },
    { timeoutMs: 30_000 },
  );
  assert.equal(after.get("core")?.pid, before.get("core")?.pid);

  const down = await helm("down");
  assert.equal(down.stdout, "Stopped template, nexus, core, keycloak, helm.\n");
  for (const [name, { pid }] of after) assert.ok(await isGone(pid), name);
  assert.equal((await helm("down")).stdout, "Nothing is running.\n");
});

test("it works from any folder and by a link", async (t) => {
  const { checkout, run } = await makeInstallation(t);
  await symlink("scripts/helm", join(checkout.root, "linked"));
  const shown = await run("linked", ["config", "get", "system.hostname"]);
  assert.equal(shown.stdout, "localhost\n", shown.stderr);
  // Called in the folder of the script: that is where the path is meant from.
  const nothing = await run("scripts/helm", ["install", "./nothing"]);
  const path = join(checkout.root, "scripts", "nothing");
  assert.equal(nothing.stderr, `Cannot install "./nothing": there is no folder ${path}\n`);
});

/** A zombie counts as gone: in a container nobody may collect the daemon, whose parent ended long ago. */
async function isGone(pid = 0): Promise<boolean> {
  return (await readProcess(pid)) === undefined;
}
