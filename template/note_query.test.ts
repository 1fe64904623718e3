import assert from "node:assert/strict";
import { test } from "node:test";
import { HttpError } from "@hivematrix/lib/http_error";
import { notesPerPage, readBefore, readLimit, readNoteId } from "./note_query.ts";

const at = (query: string) => new URL(`http://localhost/${query}`);
const answers = (status: number) => (error: unknown) =>
  error instanceof HttpError && error.status === status;

test("a list begins at the newest note unless it is told where to go on", () => {
  assert.equal(readBefore(at("")), undefined);
  assert.equal(readBefore(at("?before=17")), 17);
});

test("a list has a page's length unless another is asked for", () => {
  assert.equal(readLimit(at("")), notesPerPage);
  assert.equal(readLimit(at("?limit=200")), 200);
});

for (const value of ["", "0", "-1", "1.5", "x", "1e3", "2147483648", "1 or 1=1"]) {
  test(`"${value}" is no place in a list and no id`, () => {
    assert.throws(() => readBefore(at(`?before=${encodeURIComponent(value)}`)), answers(400));
    assert.throws(() => readLimit(at(`?limit=${encodeURIComponent(value)}`)), answers(400));
    assert.throws(() => readNoteId(value), answers(404));
  });
}

test("more notes at once than the server wants to give are refused", () => {
  assert.throws(() => readLimit(at("?limit=201")), /from 1 to 200, not "201"/);
});
