import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { makeCheckout } from "../testing.ts";
import { compileProgram } from "./compiled_daemon.ts";

const sources = {
  "main.ts": `
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createSourceNames } from ${JSON.stringify(join(import.meta.dirname, "source_stacks.ts"))};
import { fail } from "./parts/failing.ts";
const nameSources = createSourceNames(process.argv[1] ?? "");
const { place } = await import("./parts/place.ts");
console.log(readFileSync(join(place, "beside.txt"), "utf8"));
try {
  fail("no heart");
} catch (error) {
  console.log(nameSources((error as Error).stack ?? ""));
}
`,
  "parts/failing.ts": `
interface Longer {
  readonly text: string;
}
class HeartError extends Error {}
export function fail(text: Longer["text"]): never {
  throw new HeartError(text);
}
`,
  "parts/place.ts": "export const place = import.meta.dirname;\n",
  "parts/beside.txt": "found",
};

test("a compiled program finds what is beside its sources, and its stacks name them", async (t) => {
  const { folder, output } = await makeProgram(t);
  await compileProgram(join(folder, "main.ts"), output);
  const { stdout } = await promisify(execFile)(process.execPath, [output]);
  const failing = pathToFileURL(join(folder, "parts", "failing.ts")).href;
  const [found, head, first = "", second = ""] = stdout.split("\n");
  assert.equal(found, "found");
  assert.equal(head, "Error: no heart");
  assert.equal(first, `    at fail (${failing}:7:9)`);
  assert.match(second, /main\.ts:10:3/);
});

test("a program that cannot be compiled leaves the one that was there", async (t) => {
  const { folder, output } = await makeProgram(t);
  await compileProgram(join(folder, "main.ts"), output);
  const before = await readFile(output, "utf8");
  await writeFile(join(folder, "parts", "place.ts"), "export const place = ;\n");
  await assert.rejects(compileProgram(join(folder, "main.ts"), output), /place\.ts:1:21/);
  assert.equal(await readFile(output, "utf8"), before);
});

async function makeProgram(t: TestContext): Promise<{ folder: string; output: string }> {
  const { helmFolder, runDir } = await makeCheckout(t);
  await mkdir(join(helmFolder, "parts"), { recursive: true });
  for (const [name, text] of Object.entries(sources)) await writeFile(join(helmFolder, name), text);
  return { folder: helmFolder, output: join(runDir, "program.mjs") };
}
