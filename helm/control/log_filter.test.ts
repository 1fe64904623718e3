import assert from "node:assert/strict";
import { test } from "node:test";
import { createLogFilter, type LogFilter } from "./log_filter.ts";

const at = (second: number) => `2026-11-26T21:01:0${second}.000Z`;
const line = (second: number, level: string, message: string, fields = {}) =>
  JSON.stringify({ time: at(second), level, message, ...fields });

const lines = [
  "    at a frame of an error that rotation has cut off",
  line(1, "info", "begins", { request_id: "abcdef12", path: "/Notes" }),
  line(2, "error", 'it "broke"', { request_id: "ffffff99" }),
  "    at the frame of that error",
  line(3, "warn", "is late", { traceparent: `00-${"5".repeat(32)}-${"1".repeat(16)}-01` }),
];

/** The places of the lines that pass. */
const pass = (filter: LogFilter) => {
  const accepts = createLogFilter(filter);
  return lines.map((each) => accepts(each)).flatMap((isWanted, i) => (isWanted ? [i] : []));
};

test("without a filter everything passes", () => {
  assert.deepEqual(pass({}), [0, 1, 2, 3, 4]);
});

test("lines of at least a level pass, with what goes on with them", () => {
  assert.deepEqual(pass({ level: "debug" }), [1, 2, 3, 4]);
  assert.deepEqual(pass({ level: "warn" }), [2, 3, 4]);
  assert.deepEqual(pass({ level: "error" }), [2, 3]);
});

test("lines since a moment pass", () => {
  assert.deepEqual(pass({ sinceMs: Date.parse(at(2)) }), [2, 3, 4]);
  assert.deepEqual(pass({ sinceMs: Date.parse(at(4)) }), []);
});

test("text is found as it is written and as it is shown, in any case", () => {
  assert.deepEqual(pass({ text: "/notes" }), [1]);
  assert.deepEqual(pass({ text: '"broke"' }), [2, 3]);
  assert.deepEqual(pass({ text: '\\"broke\\"' }), [2, 3]);
  assert.deepEqual(pass({ text: "request_id=ffff" }), [2, 3]);
  assert.deepEqual(pass({ text: "nowhere" }), []);
});

test("the beginning of a request's id or of its trace's is enough", () => {
  assert.deepEqual(pass({ request: "abcdef" }), [1]);
  assert.deepEqual(pass({ request: "555555" }), [4]);
  assert.deepEqual(pass({ request: "bcdef1" }), []);
});

test("all of a filter has to hold", () => {
  assert.deepEqual(pass({ level: "info", text: "broke", sinceMs: Date.parse(at(3)) }), []);
});
