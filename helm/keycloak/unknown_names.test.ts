import assert from "node:assert/strict";
import { test } from "node:test";
import { kindForUnknown } from "./unknown_names.ts";

const names = Array.from({ length: 2000 }, (_, index) => `name${index}`);
const slow = (share: number, key = "key") =>
  names.filter((name) => kindForUnknown(name, key, share) === "scrypt");

test("as many unknown names as known ones take the older, slower check", () => {
  assert.equal(slow(0).length, 0);
  assert.equal(slow(1).length, names.length);
  for (const share of [0.1, 0.5, 0.9]) {
    assert.ok(Math.abs(slow(share).length / names.length - share) < 0.05, `${share}`);
  }
});

test("a name takes the same check each time, and changes to the newer one only", () => {
  assert.deepEqual(slow(0.5), slow(0.5));
  const later = new Set(slow(0.5));
  for (const name of slow(0.3)) assert.ok(later.has(name), name);
});

test("without the key nobody tells which names those are", () => {
  const [one, other] = [new Set(slow(0.5)), slow(0.5, "another key")];
  const both = other.filter((name) => one.has(name)).length;
  assert.ok(Math.abs(both / names.length - 0.25) < 0.05, `${both}`);
});
