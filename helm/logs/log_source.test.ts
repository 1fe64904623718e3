import assert from "node:assert/strict";
import {
  appendFileSync,
  mkdtempSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { rotateLog } from "../services/log_rotation.ts";
import { type LogPosition, readChunk, startOfLog } from "./log_source.ts";

test("only whole lines are read, each once", (t) => {
  const { file, read } = makeLog(t);
  writeFileSync(file, "one\ntwo\nthr");
  assert.deepEqual(read(), ["one", "two"]);
  assert.deepEqual(read(), []);
  appendFileSync(file, "ee\n\nfour\n");
  assert.deepEqual(read(), ["three", "four"]);
});

test("what rotation has copied before it was read comes first", (t) => {
  const { file, read } = makeLog(t);
  appendFileSync(file, "one\ntwo\n");
  assert.deepEqual(read(), ["one", "two"]);
  appendFileSync(file, "three\n");
  rotateLog(file, 1e6);
  appendFileSync(file, "four, which is longer than all that was there before\n");
  assert.deepEqual(read(), ["three", "four, which is longer than all that was there before"]);
});

test("a rotation that kept only the end of the log is no loss while what was read stands in it", (t) => {
  const { file, read, log } = makeLog(t);
  appendFileSync(file, `${"a".repeat(5000)}\nmarked\n`);
  read();
  appendFileSync(file, "new\n");
  rotateLog(file, 2000);
  assert.deepEqual(read(), ["new"]);
  assert.equal(log.hasLost, false);
});

test("lines that rotation took away are missed, not hidden", (t) => {
  const { file, read, log } = makeLog(t);
  appendFileSync(file, "one\n");
  read();
  for (const name of ["two", "three"]) {
    appendFileSync(file, `${name}\n`);
    rotateLog(file, 1e6);
  }
  assert.deepEqual(read(), ["three"]);
  assert.equal(log.hasLost, true);
});

test("a log that begins with a copy from before is read whole", (t) => {
  const { file, read } = makeLog(t);
  writeFileSync(`${file}.1`, "zero\nhalf a line");
  writeFileSync(file, "one\n");
  assert.deepEqual(read(), ["zero", "half a line", "one"]);
});

test("a log that somebody empties by hand is read from its beginning", (t) => {
  const { file, read } = makeLog(t);
  appendFileSync(file, "one\ntwo\n");
  read();
  truncateSync(file);
  appendFileSync(file, "new\n");
  assert.deepEqual(read(), ["new"]);
});

test("a copy that somebody removes makes no line come twice", (t) => {
  const { file, read } = makeLog(t);
  writeFileSync(`${file}.1`, "zero\n");
  appendFileSync(file, "one\n");
  assert.deepEqual(read(), ["zero", "one"]);
  unlinkSync(`${file}.1`);
  appendFileSync(file, "two\n");
  assert.deepEqual(read(), ["two"]);
});

test("a large log comes in pieces, a line without an end is cut", (t) => {
  const { file } = makeLog(t);
  const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i} ${"x".repeat(40)}`);
  writeFileSync(file, `${lines.join("\n")}\n${"y".repeat(300_000)}\nlast\n`);
  const read: string[] = [];
  let position: LogPosition = startOfLog;
  for (;;) {
    const chunk = readChunk(file, position);
    assert.ok(chunk.lines.reduce((sum, { length }) => sum + length, 0) <= 96 * 1024);
    read.push(...chunk.lines.map(String));
    position = chunk.position;
    if (!chunk.hasMore) break;
  }
  assert.deepEqual(read.slice(0, lines.length), lines);
  assert.equal(read[lines.length]?.length, 64 * 1024);
  assert.equal(read.at(-1), "last");
});

function makeLog(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "helm-log-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "core.log");
  const log = { hasLost: false };
  let position: LogPosition = startOfLog;
  const read = (): string[] => {
    const chunk = readChunk(file, position);
    position = chunk.position;
    log.hasLost ||= chunk.hasLost;
    const lines = chunk.lines.map(String);
    return chunk.hasMore ? [...lines, ...read()] : lines;
  };
  return { file, read, log };
}
