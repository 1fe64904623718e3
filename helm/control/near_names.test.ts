import assert from "node:assert/strict";
import test from "node:test";
import { didYouMean, nearNames } from "./near_names.ts";

test("a name typed wrongly leads to those that are like it, the nearest first", () => {
  const names = ["ada", "adam", "grace", "grace.hopper", "zoe"];
  assert.deepEqual(nearNames("Adma", names), ["ada", "adam"]);
  assert.deepEqual(nearNames("garce", names), ["grace"], "two letters swapped are one mistake");
  assert.deepEqual(nearNames("adda", names), ["ada"]);
  assert.deepEqual(nearNames("grce", names), ["grace"]);
  assert.deepEqual(nearNames("hopper", names), ["grace.hopper"]);
  assert.deepEqual(nearNames("katherine", names), []);
  assert.deepEqual(nearNames("", names), []);
  const many = ["anna1", "anna2", "anna3", "anna4"];
  assert.equal(nearNames("anna", many).length, 3);
});

test("what may have been meant is said as a question", () => {
  assert.equal(didYouMean("ad", ["ada"]), '; did you mean "ada"?');
  assert.equal(didYouMean("adaa", ["ada", "adam"]), '; did you mean "ada" or "adam"?');
  assert.equal(didYouMean("zoe", ["ada"]), "");
});
