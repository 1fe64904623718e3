import assert from "node:assert/strict";
import test from "node:test";
import { formatTable } from "./table.ts";

test("columns are as wide as what stands in them, and notes stand below their row", () => {
  const rows = [{ cells: ["3fa91c", "ada"], note: "why" }, { cells: ["0", "grace hopper"] }];
  const lines = ["ID      USER", "3fa91c  ada", "  why", "0       grace hopper"];
  assert.equal(formatTable(["id", "user"], rows, false), lines.join("\n"));
});

test("a narrow terminal gets shorter columns and notes in several lines, a pipe all of it", () => {
  const long = "a reason that is longer than the terminal is wide";
  const rows = [{ cells: ["grace-hopper", "grace.hopper@example.org", "42"], note: long }];
  const columns = ["user", "e-mail", "n"];
  const narrow = formatTable(columns, rows, false, 30).split("\n");
  assert.deepEqual(narrow, [
    "USER          E-MAIL        N",
    "grace-hopper  grace.hoppe…  42",
    "  a reason that is longer than",
    "  the terminal is wide",
  ]);
  assert.ok(narrow.every((line) => line.length <= 30));
  const whole = formatTable(columns, rows, false, undefined).split("\n");
  assert.deepEqual(whole.slice(1), ["grace-hopper  grace.hopper@example.org  42", `  ${long}`]);
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
