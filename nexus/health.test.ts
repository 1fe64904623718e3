import assert from "node:assert/strict";
import { test } from "node:test";
import { HttpError } from "@hivematrix/lib/http_error";
import { type IsReady, showHealth } from "./health.ts";
import type { OwnRequest } from "./own_request.ts";

const ask = async (isReady: IsReady) => await showHealth(isReady)({} as OwnRequest);

test("health is that of all processes: the supervisor is told what is not ready", async () => {
  assert.equal((await ask(() => true)).status, 200);
  const answer = await ask(async () => false);
  assert.equal(answer.status, 503);
  // Helm shows the names of the checks that fail.
  const { checks } = (await answer.json()) as { checks: object };
  assert.deepEqual(checks, { processes: "failing" });
  await assert.rejects(ask(() => Promise.reject(new HttpError(503, "unknown"))));
});
