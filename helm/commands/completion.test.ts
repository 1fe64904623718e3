// The real shells, as far as the machine has them: each is asked what it would offer. What is offered for
// which argument is looked at without them, as each press of Tab is a process.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import test from "node:test";
import { waitFor } from "@hivematrix/lib/wait_for";
import { startCore } from "../../core/testing.ts";
import type { Checkout } from "../config/checkout.ts";
import { createIdentityAdmin } from "../keycloak/admin_client.ts";
import { startEmbeddedProvider } from "../keycloak/testing.ts";
import { afterTest, lastFirst } from "../testing.ts";
import { type CommandNode, readCommandTree } from "./command_tree.ts";
import { findOffers, printOffers } from "./completion.ts";
import { valueSources } from "./completion_values.ts";
import { captureOutput, makeConfiguration, makeInstallation, runHere } from "./testing.ts";

/** Loads the shell's part, then has `helm <words>` completed and prints an offer a line. */
const programs = {
  bash: `eval "$SCRIPT"
COMP_WORDS=("\${ASKED:-$HELM}" "$@"); COMP_CWORD=$#
_hivematrix_helm; printf '%s\\n' "\${COMPREPLY[@]}"`,
  // Without a terminal zsh completes nothing, so the two that show its offers are taken from it.
  zsh: `compdef() { :; }
_default() { :; }
_describe() { print -rl -- "\${\${(P)4}[@]%%:*}" | grep -- "^$words[CURRENT]"; }
eval "$SCRIPT"
words=("$HELM" "$@"); CURRENT=$((# + 1))
_hivematrix_helm`,
  fish: `printf %s "$SCRIPT" | source
complete -C "$HELM $argv" | string replace -r '\\t.*' ''`,
};

function isThere(shell: string): boolean {
  return spawnSync(shell, ["-c", "exit"]).status === 0;
}

const skipWithout = (shell: string) =>
  isThere(shell) ? false : `skipped: ${shell} is missing, install its package`;

async function askShell(
  shell: keyof typeof programs,
  checkout: Checkout,
  words: readonly string[],
  more: NodeJS.ProcessEnv = {},
): Promise<string[]> {
  const { stdout: script } = await runHere(checkout, ["completion", shell]);
  const helm = join(checkout.root, "scripts/helm");
  const env = { ...process.env, HELM: helm, SCRIPT: script, ...more };
  const given = shell === "fish" ? [words.join(" ")] : [shell, ...words];
  const run = spawnSync(shell, ["-c", programs[shell], ...given], { env, encoding: "utf8" });
  assert.equal(run.stderr, "");
  return run.stdout.trim().split("\n").sort();
}

for (const shell of ["bash", "zsh", "fish"] as const) {
  test(`${shell} offers commands, options and values`, { skip: skipWithout(shell) }, async (t) => {
    const { checkout } = await makeInstallation(t);
    const find = (...words: string[]) => askShell(shell, checkout, words);
    assert.deepEqual(await find("st"), ["start", "status", "stop"]);
    assert.deepEqual(await find("logs", "--fo"), ["--follow"]);
    const assigned = shell === "bash" ? ["--level", "=", "w"] : ["--level=w"];
    assert.deepEqual(await find("logs", ...assigned), [shell === "bash" ? "warn" : "--level=warn"]);
    assert.deepEqual(await find("restart", "core", ""), ["helm", "keycloak", "nexus", "template"]);
    assert.deepEqual(await find("config", "get", "system.lo"), ["system.log_level"]);
  });
}

test("zsh takes its part also where nothing else is completed", {
  skip: skipWithout("zsh"),
}, async (t) => {
  const { checkout, helm } = await makeConfiguration(t);
  const { stdout: script } = await helm("completion", "zsh");
  const env = { ...process.env, HOME: checkout.root, SCRIPT: script };
  const program = 'eval "$SCRIPT"; print $_comps[helm]';
  const run = spawnSync("zsh", ["-f", "-c", program], { env, encoding: "utf8" });
  assert.deepEqual([run.stdout, run.stderr], ["_hivematrix_helm\n", ""]);
});

test("bash never runs what somebody chose for a name", { skip: skipWithout("bash") }, async (t) => {
  const { checkout } = await makeInstallation(t);
  const stranger = join(checkout.root, "helm-stand-in");
  const trap = join(checkout.root, "trap");
  await writeFile(
    stranger,
    `#!/bin/sh\nprintf '%s\\n' '$(touch ${trap})' '\`touch ${trap}\`' 'a b'\n`,
  );
  await chmod(stranger, 0o755);
  const offers = await askShell("bash", checkout, ["users", "show", ""], { ASKED: stranger });
  assert.deepEqual(offers, [`\\$\\(touch\\ ${trap}\\)`, `\\\`touch\\ ${trap}\\\``, "a\\ b"]);
  assert.equal(existsSync(trap), false);
});

test("a shell that is not known is refused with those that are", async (t) => {
  const { helm } = await makeConfiguration(t);
  const { status, stderr } = await helm("completion", "tcsh");
  assert.equal(status, 2);
  assert.match(stderr, /shell is "tcsh", it has to be one of "bash", "zsh", "fish"/);
});

test("every source of values is that of an argument", async (t) => {
  const { checkout } = await makeConfiguration(t);
  const names = ({ path, positionals, options, commands }: CommandNode): string[] => [
    ...positionals.map(({ name }) => `${path} ${name}`),
    ...options.filter(({ takesValue }) => takesValue).map(({ name }) => `${path} --${name}`),
    ...commands.flatMap(names),
  ];
  const known = names(readCommandTree(checkout));
  assert.deepEqual(
    Object.keys(valueSources).filter((key) => !known.includes(key)),
    [],
  );
});

test("settings are offered group by group, and their values where there are few", async (t) => {
  const { checkout, helm } = await makeConfiguration(t);
  const find = async (line: string) =>
    (await findOffers(checkout, line.split(" "))).map(({ text }) => text);
  assert.deepEqual(await find("config set "), ["apps.", "databases.", "keycloak.", "system."]);
  assert.deepEqual(await find("config set keycloak.mo"), ["keycloak.mode"]);
  assert.deepEqual(await find("config set keycloak.mode "), ["embedded", "server", "external"]);
  assert.deepEqual(await find("config set apps.nexus.tls "), ["true", "false"]);
  assert.deepEqual(await find("config plan system.log_level W"), ["WARN"]);
  assert.deepEqual(await find("config plan system.log_level WARN system.ho"), ["system.hostname"]);
  assert.deepEqual(await find("config explain --app core JWT_PU"), ["JWT_PUBLIC_KEY_FILE"]);
  assert.deepEqual(await find("config write-conf te"), ["template"]);
  // What has to be there cannot be unset.
  assert.deepEqual(await find("config unset system."), []);

  await helm("config", "set", "system.log_level", "DEBUG");
  assert.deepEqual(await findOffers(checkout, ["config", "undo", ""]).then(withoutTimes), [
    { text: "c1", description: "helm" },
  ]);
});

test("options are offered where they are, once, and their values are not taken for arguments", async (t) => {
  const { checkout } = await makeConfiguration(t);
  const find = async (line: string) =>
    (await findOffers(checkout, line.split(" "))).map(({ text }) => text);
  assert.deepEqual(await find("up --de"), ["--dev", "--detach"]);
  assert.deepEqual(await find("up --dev --de"), ["--detach"]);
  assert.deepEqual(await find("config set --no-"), ["--no-restart"]);
  assert.deepEqual(await find("logs --since core ne"), ["nexus"]);
  assert.deepEqual(await find("logs -n "), []);
  assert.deepEqual(await find("logs core --level e"), ["error"]);
  assert.deepEqual(await find("nonsense "), ["--help"]);
});

test("no secret is ever offered", async (t) => {
  const { checkout } = await makeConfiguration(t);
  const secrets = (await readFile(checkout.masterConfigFile, "utf8")).match(/[\w-]{43}/g) ?? [];
  assert.ok(secrets.length >= 8);
  const offered: string[] = [];
  for (const key of Object.keys(valueSources)) {
    const words = key.split(" ").slice(0, key.includes("--") ? undefined : -1);
    const offers = await findOffers(checkout, [...words, ""]);
    offered.push(...offers.map(({ text, description }) => `${text} ${description}`));
  }
  for (const key of ["keycloak.client_secret", "keycloak.admin_password", "system.secret_key"]) {
    const offers = await findOffers(checkout, ["config", "set", key, ""]);
    assert.deepEqual(
      offers.filter(({ text }) => !text.startsWith("--")),
      [],
      key,
    );
  }
  assert.ok(offered.length > 50);
  for (const secret of secrets) assert.ok(!offered.join("\n").includes(secret));
});

test("users, groups and sessions come from whoever knows them", async (t) => {
  const provider = await startEmbeddedProvider(lastFirst(t));
  const core = await startCore(lastFirst(t), { services: ["helm"] });
  const admin = createIdentityAdmin(provider.adminPlace);
  afterTest(t, () => admin.close());
  const { checkout } = await makeConfiguration(t);
  const { backendUrl: url, realm, clientSecret } = provider.adminPlace;
  await change(checkout, (config) => {
    const keycloak = { mode: "external", url, realm, admin_client_secret: clientSecret };
    Object.assign(config["keycloak"] ?? {}, keycloak);
    Object.assign(config["apps"]?.["core"] ?? {}, { port: Number(new URL(core.url).port) });
    Object.assign(config["apps"]?.["helm"] ?? {}, { service_secret: core.secretOf("helm") });
  });
  // A busy machine may take longer than somebody who presses Tab would wait.
  const find = (line: string) =>
    waitFor(async () => {
      const offers = await findOffers(checkout, line.split(" "));
      return offers.length > 0 && !offers[0]?.text.startsWith("--") ? offers : undefined;
    });
  const [ada] = await find("users disable ad");
  assert.equal(ada?.text, "ada");
  assert.ok((await find("users groups ada --add te")).some(({ text }) => text === "technicians"));
  await core.signIn();
  const [session] = await find("sessions revoke ");
  assert.match(session?.text ?? "", /^[0-9a-f]{12}$/);
  assert.match(session?.description ?? "", /^ada, /);
  const signedIn = await find("sessions revoke-all ");
  assert.deepEqual(signedIn, [{ text: "ada", description: "Ada Lovelace" }]);
});

test("who does not know, or is slow, costs a moment and says nothing", async (t) => {
  const { checkout } = await makeConfiguration(t);
  const ask = (...words: string[]) => captureOutput(() => printOffers(checkout, words));
  const silent = { stdout: "", stderr: "" };
  assert.deepEqual(await ask("bash", "users", "show", "a"), silent);
  const server = createServer(() => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  await change(checkout, (config) => {
    Object.assign(config["keycloak"] ?? {}, { mode: "external", url: `http://127.0.0.1:${port}` });
  });
  const begin = Date.now();
  assert.deepEqual(await ask("bash", "users", "show", "a"), silent);
  assert.ok(Date.now() - begin < 10_000, "it would have waited for 15 s");
  await writeFile(checkout.masterConfigFile, "{");
  assert.deepEqual(await ask("bash", "config", "set", "s"), silent);
  assert.deepEqual(await ask("bash", "restart", "c"), silent);
});

test("what somebody chose for a name moves no cursor and is no second offer", async (t) => {
  const { checkout } = await makeConfiguration(t);
  await change(checkout, (config) => {
    Object.assign(config["apps"] ?? {}, { "evil\u001b[2J\ncore": {}, "--force": {}, "a:b": {} });
  });
  const ask = (...words: string[]) => captureOutput(() => printOffers(checkout, words));
  const { stdout } = await ask("zsh", "restart", "");
  assert.deepEqual(stdout.trim().split("\n").slice(-2), ["template", "a\\:b"]);
});

function withoutTimes(offers: readonly { text: string; description?: string }[]) {
  return offers.map(({ text, description = "" }) => ({
    text,
    description: description.replace(/^\d{4}-\d\d-\d\d \d\d:\d\d /, ""),
  }));
}

type Document = Record<string, Record<string, object>>;

async function change(checkout: Checkout, edit: (config: Document) => void): Promise<void> {
  const config: Document = JSON.parse(await readFile(checkout.masterConfigFile, "utf8"));
  edit(config);
  await writeFile(checkout.masterConfigFile, JSON.stringify(config));
}
