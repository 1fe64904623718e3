import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { promisify } from "node:util";

test("every source is compiled and none is run", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "compile-test-"));
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 20 }));
  const words = ["--import", "tsx", join(import.meta.dirname, "compile_sources.ts")];
  // An entry that ran would miss its settings, say so and end with 1.
  const { stdout, stderr } = await promisify(execFile)(process.execPath, words, {
    env: { PATH: process.env["PATH"], TMPDIR: folder },
    cwd: import.meta.dirname,
  });
  assert.equal(stdout + stderr, "");
  const compiled = await readdir(folder, { recursive: true });
  assert.ok(compiled.length > 100, `${compiled.length} files`);
});
