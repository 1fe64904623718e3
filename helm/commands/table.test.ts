import assert from "node:assert/strict";
import test from "node:test";
import { formatTable } from "./table.ts";

test("columns are as wide as what stands in them, and notes stand below their row", () => {
  const rows = [{ cells: ["3fa91c", "ada"], note: "why" }, { cells: ["0", "grace hopper"] }];
  const lines = ["ID      USER", "3fa91c  ada", "  why", "0       grace hopper"];
  assert.equal(formatTable(["id", "user"], rows, false), lines.join("\n"));
});

test("nothing that others chose moves the cursor or turns the text around", () => {
  const cells = ["a\u001b[2Jb", "c\u009b31md", "e\u202ef\u2028g\nh"];
  assert.equal(
    formatTable(["x", "y", "z"], [{ cells, note: "\u0007" }], false)
      .split("\n")
      .slice(1)
      .join("|"),
    "a?[2Jb  c?31md  e?f?g?h|  ?",
  );
});
