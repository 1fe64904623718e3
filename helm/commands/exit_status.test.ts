// What every command says and ends with when it is used wrongly, or cannot do what it is asked for.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import test from "node:test";
import { type CommandNode, readCommandTree } from "./command_tree.ts";
import { makeConfiguration, makeInstallation, runHere, type TestInstallation } from "./testing.ts";

type Row = readonly [words: string, status: number, stderr: RegExp];

/** In a process each, as people have it. */
const wrongUsage: readonly Row[] = [
  ["", 2, /Commands:\n {2}helm init /],
  ["stauts", 2, /^helm: there is no such command; did you mean "status"\? \("helm --help" tells/],
];

/** Here, as a process takes half a second to start; all of them end with 2. */
const moreWrongUsage: readonly (readonly [words: string, message: RegExp])[] = [
  ["frobnicate", /^helm: there is no command "frobnicate"/],
  ["users lst", /^helm users: there is no such command; did you mean "list"\?/],
  ["users", /^helm users: Name an action: list, /],
  ["--versio", /^helm: there is no option --versio \("helm --help"/],
  ["users --jsno", /^helm users: there is no option --jsno \("helm users --help"/],
  ["up --detached", /^helm up: there is no option --detached; did you mean "--detach"\?/],
  ["init --port-ofset=3", /^helm init: there is no option --port-ofset; did you mean "--port-o/],
  ["status core", /^helm status: "core" is one argument too many/],
  [
    "config set",
    /^helm config set: <key> is missing: a setting, such as system\.log_level \("helm c/,
  ],
  ["logs --level loud", /^helm logs: --level is "loud", it has to be one of "debug", "info", /],
  ["logs --level", /^helm logs: --level needs a value, one of /],
  ["logs -n many", /^helm logs: --lines has to be a whole number/],
  ["completion tcsh", /^helm completion: shell is "tcsh", it has to be one of /],
  ["init --environment production", /^helm init: production needs --hostname/],
];

const none = /^Cannot read .*master_config\.json: there is none yet, run "helm init"\n$/;
const beforeInit: readonly Row[] = [
  ["status", 1, none],
  ["up --detach", 1, none],
  ["logs", 1, none],
  ["users list", 1, none],
  ["keys rotate", 1, none],
];

const notRunning = /^Helm is not running: start everything with "helm up --detach"\n$/;
const withoutDaemon: readonly Row[] = [
  ["restart core", 1, notRunning],
  ["logs coer", 1, /^There is no service "coer", there are: .*; did you mean "core"\?\n$/],
  [
    "config get sytem.hostname",
    1,
    /^sytem\.hostname is not set: .*did you mean "system\.hostname"/,
  ],
  ["keys rotate", 1, /^[^\n]+\n$/],
  [
    "token core",
    1,
    /^Cannot get a token: helm\/services\.json names no service yet, run "helm up --d/,
  ],
  ["users list", 1, /^[^\n]+\n$/],
  ["sessions list", 1, /^[^\n]+\n$/],
];

async function check(helm: TestInstallation["helm"], rows: readonly Row[]): Promise<void> {
  for (const [words, status, stderr] of rows) {
    const result = await helm(...words.split(" ").filter(Boolean));
    assert.match(result.stderr, stderr, words);
    assert.equal(result.status, status, words);
    assert.equal(result.stdout, "", words);
    assert.doesNotMatch(result.stderr, /^ +at /m, "a stack trace");
    assert.ok(!result.stderr.includes("\u001b"), "colours without a terminal");
  }
}

test("wrong usage ends with 2 and says in a line what may have been meant", async (t) => {
  const installation = await makeInstallation(t, { isInitialised: false });
  await check(installation.helm, wrongUsage);
  const here = (...words: string[]) => runHere(installation.checkout, words);
  await check(
    here,
    moreWrongUsage.map(([words, message]): Row => [words, 2, message]),
  );
  await check(here, beforeInit);
  const help = await here("init", "--help");
  assert.equal(help.status, 0);
  assert.match(help.stdout, /Examples:\n +helm init --environment production/);
  assert.doesNotMatch(help.stdout, /\[(?:boolean|string|default: false)\]/);
});

test("no command takes what it does not know, and each says what it needs and what was meant", async (t) => {
  const { checkout, helm } = await makeConfiguration(t);
  const complain = async (words: string, expected: string) => {
    const { status, stdout, stderr } = await helm(...words.split(" "));
    assert.deepEqual([status, stdout], [2, ""], words);
    assert.ok(stderr.startsWith(expected), `${words}: ${stderr}`);
    assert.match(stderr, /^[^\n]+ \("helm [^"]*--help" tells more\)\n$/, words);
  };
  const tree = readCommandTree(checkout);
  for (const { path, commands, positionals, options } of listCommands(tree)) {
    const name = `helm ${path}`.trim();
    const isGroup = commands.length > 0 && positionals.length === 0;
    if (isGroup) {
      await complain(`${path} frobnicate`.trim(), `${name}: there is no command "frobnicate" (`);
      const [first] = commands.map((command) => command.path.split(" ").at(-1) ?? "");
      const meant = `${name}: there is no such command; did you mean "${first}"?`;
      await complain(`${path} ${first}x`.trim(), meant);
      continue;
    }
    const given = positionals.filter(({ isRequired }) => isRequired).map(() => "abcdef");
    const good = [path, ...given].join(" ");
    await complain(`${good} --frobnicate`, `${name}: there is no option --frobnicate (`);
    for (const option of options) {
      const wrong = `--${option.name}x`;
      const expected = `${name}: there is no option ${wrong}; did you mean "--${option.name}"`;
      await complain(`${good} ${wrong}`, expected);
    }
    const [first] = positionals;
    if (given.length > 0) await complain(path, `${name}: <${first?.name}> is missing: `);
    if (positionals.some(({ isRepeatable }) => isRepeatable)) continue;
    const all = positionals.map(() => "abcdef");
    await complain([path, ...all, "more"].join(" "), `${name}: "more" is one argument too many (`);
  }
});

test("the help of every command has examples, and says what its arguments and options are", async (t) => {
  const { checkout, helm } = await makeConfiguration(t);
  for (const { path, positionals, options, examples } of listCommands(readCommandTree(checkout))) {
    const { status, stdout } = await helm(...path.split(" ").filter(Boolean), "--help");
    assert.equal(status, 0, path);
    assert.match(stdout, /\n\nExamples:\n {2}\S/, path);
    assert.ok(examples.length > 0, path);
    for (const { name, description } of [...positionals, ...options]) {
      assert.notEqual(description, "", `${path} ${name}`);
    }
    assert.doesNotMatch(stdout, /\[(?:boolean|string|default: false)\]/, path);
  }
});

function listCommands(command: CommandNode): CommandNode[] {
  return [command, ...command.commands.flatMap(listCommands)];
}

test("what cannot be done ends with 1 and the reason", async (t) => {
  await check((await makeConfiguration(t)).helm, withoutDaemon);
});

test("who reads no further than the first line ends it without an error", async (t) => {
  const { checkout } = await makeInstallation(t);
  const child = spawn(join(checkout.root, "scripts/helm"), ["config", "show"]);
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    stderr += text;
  });
  child.stdout.destroy();
  assert.deepEqual(await once(child, "exit"), [0, null]);
  assert.equal(stderr, "");
});
