import assert from "node:assert/strict";
import { test } from "node:test";
import { healthRoute } from "./health.ts";
import { router } from "./router.ts";
import { createTestLog } from "./testing.ts";

async function ask(...parameters: Parameters<typeof healthRoute>) {
  const log = createTestLog();
  const handle = router([healthRoute(...parameters)], { service: "codex", log });
  const response = await handle(new Request("http://h/health"));
  return { status: response.status, headers: response.headers, body: await response.json(), log };
}

const well = async () => "ignored";

test("a service without checks is well", async () => {
  const { status, headers, body } = await ask("codex");
  assert.equal(status, 200);
  assert.equal(headers.get("cache-control"), "no-store");
  assert.deepEqual(body, { status: "ok", service: "codex", checks: {} });
});

test("a service is well when all its checks are", async () => {
  const { status, body } = await ask("codex", { database: well, disk: well });
  assert.equal(status, 200);
  assert.deepEqual(body, {
    status: "ok",
    service: "codex",
    checks: { database: "ok", disk: "ok" },
  });
});

test("R25: a failing check is a 503 that names it; the reason is in the log alone", async () => {
  const failing = async () => {
    throw new Error("password=hunter2");
  };
  const { status, body, log } = await ask("codex", { database: failing, disk: well });
  assert.equal(status, 503);
  const checks = { database: "failing", disk: "ok" };
  assert.deepEqual(body, { status: "failing", service: "codex", checks });
  assert.match(log.lines[0] ?? "", /"health check failed".*"check":"database".*hunter2/);
});

test("a check that throws at once or hangs fails as well", async () => {
  const throwing = () => {
    throw new Error("at once");
  };
  const hanging = () => new Promise<void>(() => {});
  const checks = { throwing, hanging };
  const { status, body, log } = await ask("codex", checks, { checkTimeoutMs: 20 });
  assert.equal(status, 503);
  assert.deepEqual((body as { checks: unknown }).checks, {
    throwing: "failing",
    hanging: "failing",
  });
  assert.match(log.lines.join(), /no result within 20 ms/);
});
