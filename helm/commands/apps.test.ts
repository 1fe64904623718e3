import assert from "node:assert/strict";
import test from "node:test";
import type { AppLine } from "../install/app_list.ts";
import { appsTable } from "./apps.ts";

const none: AppLine = {
  name: "codex",
  title: "Codex",
  installed: false,
  bundled: false,
  kept: false,
  depends_on: [],
};
const git = { commit: "a".repeat(40), version: "v1", changed: [], ahead: 0, behind: 0 };

test("the table says what is installed, how its code stands, and what is new", () => {
  const at = "2026-11-27T00:00:00Z";
  const lines: AppLine[] = [
    { ...none, name: "core", installed: true, bundled: true, state: "ready", port: 5000 },
    { ...none, name: "rota", installed: true, state: "ready", port: 5050, git },
    {
      ...none,
      installed: true,
      state: "crash-looping",
      reason: "exit status 1",
      git: { ...git, changed: ["a.ts", "b.ts"], behind: 1 },
      update: { available: true, commit: "b".repeat(40), at },
    },
    { ...none, name: "old", kept: true },
  ];
  const table = appsTable(lines, false).split("\n");
  assert.match(table[0] ?? "", /^APP +STATE +PORT +VERSION +REPOSITORY$/);
  assert.match(table[1] ?? "", /^core +ready +5000 +part of the checkout +–$/);
  assert.match(table[2] ?? "", /^rota +ready +5050 +v1 +clean$/);
  assert.match(
    table[3] ?? "",
    /^codex +crash-looping +– +v1 +2 files changed by hand, 1 commit behind, update available \(b{12}\)$/,
  );
  assert.equal(table[4], "  exit status 1");
  assert.match(table[5] ?? "", /^old +not installed, data kept/);
});
