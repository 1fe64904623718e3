import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { promisify } from "node:util";
import { makeCheckout, modeOf } from "../testing.ts";
import { writeFileAtomically, writeIfChanged } from "./atomic_file.ts";

test("R31: a written file and the folder made for it are its owner's alone", async (t) => {
  const { root } = await makeCheckout(t);
  const file = join(root, "instance", "configs", "secret.json");
  const umask = process.umask(0);
  t.after(() => process.umask(umask));
  await writeFileAtomically(file, "{}");
  assert.equal(await modeOf(file), "600");
  assert.equal(await modeOf(join(root, "instance", "configs")), "700");
});

test("R31: a file that others could read is closed when it is written again", async (t) => {
  const file = join((await makeCheckout(t)).root, ".env");
  await writeFile(file, "A=1\n", { mode: 0o644 });
  assert.equal(await writeIfChanged(file, "A=1\n"), true);
  assert.equal(await modeOf(file), "600");
});

test("a file with the same text is not touched", async (t) => {
  const file = join((await makeCheckout(t)).root, ".env");
  assert.equal(await writeIfChanged(file, "A=1\n"), true);
  await utimes(file, 1000, 1000);
  assert.equal(await writeIfChanged(file, "A=1\n"), false);
  assert.equal((await stat(file)).mtimeMs, 1_000_000);
  assert.equal(await writeIfChanged(file, "A=2\n"), true);
  assert.equal(await readFile(file, "utf8"), "A=2\n");
});

test("a write that fails names the file and leaves the old one and no rest", async (t) => {
  const { root } = await makeCheckout(t);
  const file = join(root, "taken");
  await mkdir(join(file, "inside"), { recursive: true }); // a rename onto it cannot succeed
  const before = await readdir(root);
  await assert.rejects(writeFileAtomically(file, "text"), /^Error: Cannot write .*taken: /);
  assert.deepEqual(await readdir(root), before);
  assert.deepEqual(await readdir(file), ["inside"]);
});

test("a disk that is full in the middle leaves the old file whole, and the error names it", async (t) => {
  const folder = join((await makeCheckout(t)).root, "configs");
  const file = join(folder, "config.json");
  await writeFileAtomically(file, "old");
  const module = join(import.meta.dirname, "atomic_file.ts");
  const script = `
    const { writeFileAtomically } = await import(${JSON.stringify(module)});
    await writeFileAtomically(process.env.FILE, "x".repeat(1_000_000));`;
  // A limit on the size of files fails a write half-way, as a full disk does.
  const limited = `trap "" XFSZ; ulimit -f 16; exec "$NODE" --import tsx --input-type=module -e "$SCRIPT"`;
  const env = { ...process.env, NODE: process.execPath, SCRIPT: script, FILE: file };
  const write = promisify(execFile)("sh", ["-c", limited], { env, cwd: import.meta.dirname });
  await assert.rejects(write, /Cannot write .*config\.json: EFBIG/);
  assert.equal(await readFile(file, "utf8"), "old");
  assert.deepEqual(await readdir(folder), ["config.json"]);
});
