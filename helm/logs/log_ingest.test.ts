import assert from "node:assert/strict";
import { appendFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { createAuth } from "@hivematrix/lib/auth";
import { router } from "@hivematrix/lib/router";
import { createTestLog, startTestCore } from "@hivematrix/lib/testing";
import { createTokenVerifier } from "@hivematrix/lib/token_verifier";
import { makeCheckout } from "../testing.ts";
import { FloodGate } from "./flood_gate.ts";
import { ingestRoutes } from "./log_ingest.ts";

test("what a service pushes stands in its log, like what it prints", async (t) => {
  const { push, logDir } = await startIngest(t);
  await writeFile(join(logDir, "codex.log"), "half a line");
  const { status, body } = await push("codex", {
    service_name: "codex",
    logs: [
      {
        level: "WARNING",
        message: "slow\nquery",
        timestamp: "2026-11-23T20:41:01.5",
        context: { ms: 900, request_id: "abcdef123456" },
        trace_id: "ab".repeat(16),
        user_id: "ada",
      },
      { message: "plain", timestamp: null, context: null },
    ],
  });
  assert.deepEqual([status, body], [202, { accepted: 2 }]);
  const lines = (await readFile(join(logDir, "codex.log"), "utf8")).split("\n");
  assert.equal(lines.length, 4);
  assert.equal(lines[0], "half a line");
  assert.deepEqual(JSON.parse(lines[1] ?? ""), {
    time: "2026-11-23T20:41:01.500Z",
    level: "warn",
    service: "codex",
    message: "slow\nquery",
    request_id: "abcdef123456",
    trace_id: "ab".repeat(16),
    user_id: "ada",
    context: { ms: 900, request_id: "abcdef123456" },
  });
  assert.equal(JSON.parse(lines[2] ?? "").level, "info");
});

test("only a service itself may write its log", async (t) => {
  const { push, core, ask, logDir } = await startIngest(t);
  const mine = { service_name: "codex", logs: [{ message: "m" }] };
  assert.equal((await push("codex", { ...mine, service_name: "core" })).status, 403);
  const admin = await core.userToken({ permission_level: "admin" });
  assert.equal((await ask(admin, mine)).status, 403);
  assert.equal((await ask(await core.serviceToken("codex", "core"), mine)).status, 401);
  assert.equal((await ask(undefined, mine)).status, 401);
  await assert.rejects(readFile(join(logDir, "core.log")));
});

test("what is wrong is refused whole, with the name of the field", async (t) => {
  const { push, logDir } = await startIngest(t);
  const good = { message: "m" };
  for (const [logs, field] of [
    [undefined, "logs"],
    [[], "logs"],
    [Array(1001).fill(good), "logs"],
    [["text"], "logs[0]"],
    [[good, { message: "" }], "logs[1].message"],
    [[{ message: "x".repeat(16_001) }], "logs[0].message"],
    [[{ ...good, level: "loud" }], "logs[0].level"],
    [[{ ...good, timestamp: "yesterday" }], "logs[0].timestamp"],
    [[{ ...good, timestamp: 1e99 }], "logs[0].timestamp"],
    [[{ ...good, context: [] }], "logs[0].context"],
    [[{ ...good, context: { a: "x".repeat(40_000) } }], "logs[0].context"],
    [[{ ...good, trace_id: 7 }], "logs[0].trace_id"],
    [[{ ...good, user_id: "x".repeat(201) }], "logs[0].user_id"],
  ] as const) {
    const { status, body } = await push("codex", { service_name: "codex", logs });
    assert.deepEqual([status, body["field"]], [400, field], JSON.stringify(body));
  }
  const huge = [{ message: "m", context: { a: "x".repeat(1_100_000) } }];
  assert.equal((await push("codex", { service_name: "codex", logs: huge })).status, 413);
  await assert.rejects(readFile(join(logDir, "codex.log")));
});

test("a flood is told to come later, and nobody else's log with it", async (t) => {
  const { push } = await startIngest(t);
  const logs = Array(300).fill({ message: "m" });
  const statuses = [];
  for (let i = 0; i < 4; i++) {
    statuses.push((await push("codex", { service_name: "codex", logs })).status);
  }
  assert.deepEqual(statuses, [202, 202, 202, 429]);
  assert.equal((await push("template", { service_name: "template", logs })).status, 202);
});

test("while the database is away lines are taken for as long as rotation leaves them in the file", async (t) => {
  const { push, store, logDir } = await startIngest(t);
  const mine = { service_name: "codex", logs: [{ message: "m" }] };
  store.isStoring = false;
  assert.equal((await push("codex", mine)).status, 202);
  await appendFile(join(logDir, "codex.log"), `${"x".repeat(4_000_000)}\n`);
  const { status, headers } = await push("codex", mine);
  assert.deepEqual([status, headers.get("retry-after")], [503, "10"]);
  store.isStoring = true;
  assert.equal((await push("codex", mine)).status, 202);
});

async function startIngest(t: TestContext) {
  const core = await startTestCore(t);
  const { logDir } = await makeCheckout(t);
  await mkdir(logDir, { recursive: true });
  const store = { isStoring: true };
  const auth = createAuth(createTokenVerifier({ coreUrl: core.url, service: "helm" }));
  const createGate = () => new FloodGate({ linesPerSecond: 1, maxAtOnce: 1000 });
  const routes = ingestRoutes({ logDir, logs: store, createGate }, auth);
  const handle = router(routes, { service: "helm", log: createTestLog("helm") });
  const ask = async (token: string | undefined, body: object) => {
    const headers = new Headers({ "content-type": "application/json" });
    if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
    const init = { method: "POST", headers, body: JSON.stringify(body) };
    const response = await handle(new Request("http://helm/api/logs/ingest", init));
    const answer = (await response.json()) as Record<string, unknown>;
    return { status: response.status, headers: response.headers, body: answer };
  };
  const push = async (service: string, body: object) =>
    ask(await core.serviceToken(service, "helm"), body);
  return { core, logDir, store, ask, push };
}
