import assert from "node:assert/strict";
import { test } from "node:test";
import { maxNoteLength, readNoteText } from "./note_text.ts";

test("a note is kept as typed, without the space around it and with one kind of line break", () => {
  assert.deepEqual(readNoteText("  milk\r\nbread\r  eggs \n"), { text: "milk\nbread\n  eggs" });
});

test("a note of nothing but white space is refused", () => {
  assert.deepEqual(readNoteText(" \r\n\t"), { problem: "A note needs some text." });
});

test("a note may be as long as the limit and no longer", () => {
  assert.deepEqual(readNoteText("x".repeat(maxNoteLength)), { text: "x".repeat(maxNoteLength) });
  const problem = `A note has at most ${maxNoteLength} characters; this one has 2001.`;
  assert.deepEqual(readNoteText("x".repeat(maxNoteLength + 1)), { problem });
});

test("a character that PostgreSQL cannot hold is refused in words", () => {
  assert.match(JSON.stringify(readNoteText("a\0b")), /cannot contain the character NUL/);
});
