import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { rmSync, statSync } from "node:fs";
import { basename } from "node:path";
import test from "node:test";
import { makeNumberedFolder } from "./folder_testing.ts";

test("a folder's number is free again when it is removed, and nobody gets another one's", (t) => {
  const name = `hivematrix-${randomUUID()}`;
  const made: string[] = [];
  const make = () => {
    const folder = makeNumberedFolder(name);
    made.push(folder);
    return folder;
  };
  t.after(() => {
    for (const folder of made) rmSync(folder, { recursive: true, force: true });
  });
  const first = make();
  assert.equal(basename(first), `${name}-1`);
  assert.equal(statSync(first).mode & 0o777, 0o700);
  assert.equal(basename(make()), `${name}-2`);
  rmSync(first, { recursive: true });
  assert.equal(make(), first);
});
