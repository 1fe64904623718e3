import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { copyTemplate, titleOf } from "./new_app.ts";

const realRoot = join(import.meta.dirname, "..");
const root = makeCheckout();

test("a copy has the template's files under its own name, and nothing that was not tracked", async () => {
  const folder = await copyTemplate(root, "time_sheets");
  assert.equal(folder, join(root, "apps", "time_sheets"));
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  for (const file of ["main.ts", "views/index.mustache", "schema.sql", ".gitignore"]) {
    assert.ok(files.includes(file), file);
  }
  for (const file of [".env", "instance", "services.json", "node_modules", "draft.ts"]) {
    assert.ok(existsSync(join(root, "template", file)), `${file} was there to be left out`);
    assert.ok(!files.includes(file), file);
  }
  assert.equal(statSync(join(folder, "install.sh")).mode & 0o111, 0o111);
  const { name } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  assert.equal(name, "@hivematrix/time_sheets");
  assert.match(readFileSync(join(folder, "README.md"), "utf8"), /^# Time sheets\n/);
});

test("a copy passes its own tests before a line is changed", async () => {
  const folder = await copyTemplate(root, "unchanged-copy");
  // A test runner inside a test runner would report to the outer one.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const tests = readdirSync(folder).filter((file) => file.endsWith(".test.ts"));
  assert.ok(tests.length >= 8);
  const options = ["--import", import.meta.resolve("tsx"), "--test", ...tests];
  const { status, stdout } = spawnSync(process.execPath, options, {
    cwd: folder,
    env,
    encoding: "utf8",
  });
  assert.equal(status, 0, stdout);
});

const wrongNames = [
  "",
  "Time",
  "9lives",
  "a b",
  "a/b",
  "../up",
  "a--b",
  "-a",
  "a_",
  ".hidden",
  "é",
];
for (const name of [...wrongNames, "x".repeat(41)]) {
  test(`"${name}" is refused as a name, with the reason`, async () => {
    await assert.rejects(copyTemplate(root, name), (error: Error) => {
      assert.ok(error.message.startsWith(`Cannot make the app "${name}": `));
      return /a-z, 0-9 and single - or _|longer than 40/.test(error.message);
    });
  });
}

test("the names of the platform's parts and paths are refused", async () => {
  for (const name of ["core", "nexus", "helm", "template", "keycloak", "static", "logout", "lib"]) {
    await assert.rejects(copyTemplate(root, name), /that name belongs to the platform/);
  }
});

test("a name that is taken is refused, and what has it stays as it was", async () => {
  mkdirSync(join(root, "apps", "mine"), { recursive: true });
  writeFileSync(join(root, "apps", "mine", "work.ts"), "precious");
  await assert.rejects(copyTemplate(root, "mine"), /apps\/mine is there already/);
  assert.equal(readFileSync(join(root, "apps", "mine", "work.ts"), "utf8"), "precious");
  mkdirSync(join(root, "helm"), { recursive: true });
  writeFileSync(join(root, "helm", "services.json"), JSON.stringify({ codex: { url: "x" } }));
  await assert.rejects(copyTemplate(root, "codex"), /helm\/services\.json has a service/);
});

test("of several copies to one name at once exactly one is made", async () => {
  const results = await Promise.allSettled(
    Array.from({ length: 4 }, () => copyTemplate(root, "raced")),
  );
  const made = results.filter(({ status }) => status === "fulfilled");
  assert.equal(made.length, 1);
  assert.ok(existsSync(join(root, "apps", "raced", "package.json")));
});

test("a copy that fails leaves nothing behind", async (t) => {
  const readme = join(root, "template", "README.md");
  const text = readFileSync(readme);
  rmSync(readme);
  t.after(() => writeFileSync(readme, text));
  await assert.rejects(copyTemplate(root, "halfway"), /README\.md/);
  const left = readdirSync(join(root, "apps")).filter((name) => name.includes("halfway"));
  assert.deepEqual(left, []);
});

test("a title is the name in words", () => {
  assert.equal(titleOf("time_sheets"), "Time sheets");
  assert.equal(titleOf("crm"), "Crm");
});

test("the command says where the copy is, or why there is none", () => {
  const script = join(import.meta.dirname, "new_app.ts");
  const options = ["--import", import.meta.resolve("tsx"), script, "no/name"];
  const { status, stderr } = spawnSync(process.execPath, options, { encoding: "utf8" });
  assert.equal(status, 1);
  assert.match(stderr, /^Cannot make the app "no\/name": a name has a-z/);
});

/** A checkout with this template, as an installation has it: secrets beside the tracked files. */
function makeCheckout(): string {
  const folder = mkdtempSync(join(tmpdir(), "hivematrix-checkout-"));
  after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20 }));
  const git = (cwd: string, ...options: string[]) =>
    execFileSync("git", options, { cwd, encoding: "utf8" });
  const listing = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "template"];
  for (const file of git(realRoot, ...listing).split("\0")) {
    if (file === "" || !existsSync(join(realRoot, file))) continue;
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(join(realRoot, file), join(folder, file));
  }
  git(folder, "init", "--quiet");
  git(folder, "add", "template");
  const template = join(folder, "template");
  for (const file of [".env", "services.json", "draft.ts"]) writeFileSync(join(template, file), "");
  for (const other of ["instance", "node_modules"]) mkdirSync(join(template, other));
  symlinkSync(join(realRoot, "node_modules"), join(folder, "node_modules"));
  return folder;
}
