import assert from "node:assert/strict";
import test from "node:test";
import { keepTogether } from "./further_lines.ts";

test("the frames of a stack stand below their error, everything else is the newest first", () => {
  const json = (message: string) => JSON.stringify({ message });
  const lines = [
    [5, "core", json("e")],
    [4, "core", "  at two"],
    [4, "core", "  at one"],
    [4, "core", json("d")],
    [3, "core", json("c")],
    [3, "nexus", "plain two"],
    [3, "nexus", "plain one"],
    [2, "nexus", json("b")],
    [1, "core", "  cut off two"],
    [1, "core", "  cut off one"],
  ].map(([atMs, service, line], index) => ({
    id: -index,
    atMs: Number(atMs),
    service: String(service),
    level: "info" as const,
    requestId: undefined,
    traceId: undefined,
    user: undefined,
    line: String(line),
  }));
  assert.deepEqual(
    keepTogether(lines).map(({ line }) => line),
    [
      ...[json("e"), json("d"), "  at one", "  at two", json("c"), "plain one", "plain two"],
      ...[json("b"), "  cut off one", "  cut off two"],
    ],
  );
});
