import assert from "node:assert/strict";
import { test } from "node:test";
import { createScope } from "../bench/sessions/scope.ts";
import { goalGrowthBytes, MiB, runTransfer } from "./transfer.ts";

test("128 MiB down and up through the gateway leave its memory where it was", async (t) => {
  const scope = createScope();
  t.after(() => scope.end());
  const figures = await runTransfer(scope, 128 * MiB);
  const growth = Math.max(figures.downGrowthBytes, figures.upGrowthBytes);
  assert.ok(growth < goalGrowthBytes, JSON.stringify(figures));
});
