import assert from "node:assert/strict";
import test from "node:test";
import { runFlood } from "./flood.ts";

test("a service that writes without end takes little of the disk, and following keeps up", async (t) => {
  // The long form is a script: 1 GB.
  const figures = await runFlood(t, { bytes: 150e6, maxLogBytes: 2e6 });
  assert.equal(figures.restarts, 0);
  assert.ok(figures.peakBytes < figures.writtenBytes, JSON.stringify(figures));
  assert.ok(figures.followedLines > 1000 && figures.behindMs < 5000, JSON.stringify(figures));
});
