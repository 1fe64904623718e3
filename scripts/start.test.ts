// start.sh around Helm: the machine, the lock, the packages. The whole way is in end_to_end.test.ts.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { waitFor } from "@hivematrix/lib/wait_for";
import { makeInstallation, type TestInstallation } from "../helm/commands/testing.ts";

test("a second start.sh at the same time waits and names the first; both end well", async (t) => {
  const installation = await makeInstallation(t);
  const first = start(installation);
  await waitFor(() => readLock(installation), { timeoutMs: 20_000 });
  const second = start(installation);
  assert.equal(await first.ended, 0, first.output());
  assert.equal(await second.ended, 0, second.output());
  const holder = first.child.pid;
  assert.match(
    second.output(),
    new RegExp(`^Another start\\.sh \\(process ${holder}\\) is at work`),
  );
  for (const { output } of [first, second]) assert.match(output(), /HiveMatrix is ready: http/);
  await assert.rejects(stat(lockOf(installation)), /ENOENT/);
});

test("the lock of a start.sh that was killed is taken over", async (t) => {
  const installation = await makeInstallation(t);
  await mkdir(lockOf(installation));
  const dead = spawn("true");
  await new Promise((resolve) => dead.on("exit", resolve));
  await writeFile(join(lockOf(installation), "pid"), `${dead.pid}\n`);
  const { ended, output } = start(installation);
  assert.equal(await ended, 0, output());
  assert.doesNotMatch(output(), /Another start\.sh/);
});

test("the lock of a pid that has passed to another program is taken over", async (t) => {
  const installation = await makeInstallation(t);
  await mkdir(lockOf(installation));
  await writeFile(join(lockOf(installation), "pid"), `${process.pid}\n`);
  const { ended, output } = start(installation);
  assert.equal(await ended, 0, output());
});

test("npm ci runs when the package files have changed, and its words are shown when it fails", async (t) => {
  const installation = await makeInstallation(t);
  const { root } = installation.checkout;
  await rename(join(root, "node_modules"), join(root, "packages"));
  await standInFor(installation, "npm", 'echo "npm $*" >>npm_calls; mv packages node_modules');
  await rm(join(root, "packages", ".package-lock.json"));
  assert.equal(await start(installation).ended, 0);
  assert.match(await readFile(join(root, "npm_calls"), "utf8"), /^npm ci [^\n]*\n$/);
  assert.equal(await start(installation).ended, 0);
  assert.match(await readFile(join(root, "npm_calls"), "utf8"), /^npm ci [^\n]*\n$/);

  await writeFile(join(root, "package-lock.json"), "{}");
  await standInFor(installation, "npm", "echo the registry is away; exit 1");
  const failed = start(installation);
  assert.equal(await failed.ended, 1);
  assert.match(failed.output(), /the registry is away\nCannot install the npm packages/);
});

test("an old Node is named with the version that is needed", async (t) => {
  const installation = await makeInstallation(t);
  const old = "case $1 in --version) echo v18.19.0 ;; *) exit 1 ;; esac";
  await standInFor(installation, "node", old);
  const { ended, output } = start(installation);
  assert.equal(await ended, 1);
  assert.equal(
    output(),
    "Cannot start: Node.js v18.19.0 is too old: install version 20.19 or newer\n",
  );
});

test("options of init that come too late are said to have no effect", async (t) => {
  const installation = await makeInstallation(t);
  const { ended, output } = start(installation, "--port-offset", "5");
  assert.equal(await ended, 0, output());
  assert.match(output(), /Initialised already, so these options have no effect: --port-offset 5\n/);
});

test("a start that fails ends with 1 and leaves no lock", async (t) => {
  const installation = await makeInstallation(t, { isInitialised: false });
  const { ended, output } = start(installation, "--port-offset", "many");
  assert.equal(await ended, 2);
  assert.match(output(), /--port-offset has to be a whole number/);
  const left = await readdir(installation.checkout.root);
  assert.equal(left.includes(".start.lock"), false);
});

interface Start {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  output(): string;
}

function start({ checkout: { root } }: TestInstallation, ...options: string[]): Start {
  const env = { ...process.env, PATH: `${join(root, "bin")}:${process.env["PATH"]}` };
  const child = spawn(join(root, "scripts/start.sh"), options, { env });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
  }
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  return { child, ended, output: () => output };
}

/** A program of that name that start.sh finds before the real one. */
async function standInFor({ checkout }: TestInstallation, name: string, script: string) {
  const file = join(checkout.root, "bin", name);
  await mkdir(join(checkout.root, "bin"), { recursive: true });
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
}

function lockOf({ checkout }: TestInstallation): string {
  return join(checkout.root, ".start.lock");
}

async function readLock(installation: TestInstallation): Promise<string | undefined> {
  return await readIfThere(join(lockOf(installation), "pid"));
}

async function readIfThere(file: string): Promise<string | undefined> {
  return await readFile(file, "utf8").catch(() => undefined);
}
