import assert from "node:assert/strict";
import { test } from "node:test";
import { NoteLedger } from "./part_ledger.ts";

function ledgerOf(act: (ledger: NoteLedger) => void): NoteLedger {
  const ledger = new NoteLedger();
  act(ledger);
  return ledger;
}

test("what was acknowledged has to be there once, what was refused must not", () => {
  const ledger = ledgerOf((it) => {
    for (const text of ["kept", "refused", "unknown"]) it.writing(text);
    it.wrote("kept", true);
    it.wrote("refused", false);
  });
  assert.deepEqual(ledger.check(["kept", "unknown"]), []);
  assert.deepEqual(ledger.check(["kept"]), []);
  assert.deepEqual(ledger.check([]), ['"kept" is lost']);
  assert.deepEqual(ledger.check(["kept", "refused"]), ['"refused" was refused and is there']);
  assert.deepEqual(ledger.check(["kept", "unknown", "unknown"]), ['"unknown" was written 2 times']);
  assert.deepEqual(ledger.check(["kept", "other"]), ['"other" was written by nobody who may']);
});

test("what was deleted must not be there, unless nobody has said that it was", () => {
  const deleting = (it: NoteLedger) => {
    it.writing("note");
    it.wrote("note", true);
    it.deleting("note");
  };
  assert.deepEqual(ledgerOf(deleting).check(["note"]), []);
  assert.deepEqual(ledgerOf(deleting).check([]), []);
  const deleted = ledgerOf((it) => {
    deleting(it);
    it.deleted("note");
  });
  assert.deepEqual(deleted.check([]), []);
  assert.deepEqual(deleted.check(["note"]), ['"note" was deleted and is there']);
});
