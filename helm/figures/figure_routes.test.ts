import assert from "node:assert/strict";
import test from "node:test";
import { startTestDaemon } from "../control/testing.ts";
import { countsOf, pushOf } from "./figures_testing.ts";
import { parseMetrics } from "./metrics_testing.ts";

test("R28: /metrics is there for this machine without a sign-in, and not through Nexus", async (t) => {
  const { ask, platform, askAsAdmin } = await startTestDaemon(t);
  await platform.waitUntilReady();
  const response = await ask("/metrics", { headers: { accept: "text/html" } });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  const up = parseMetrics(await response.text()).get("hivematrix_service_up")?.samples ?? [];
  assert.deepEqual(
    up.map(({ labels, value }) => `${labels["service"]} ${value}`),
    ["alpha 1", "beta 1", "helm 1"],
  );
  // As Nexus sends it on: the prefix alone, and the address of who asks alone, are enough.
  assert.equal((await askAsAdmin("/metrics")).status, 404);
  for (const name of ["x-forwarded-prefix", "x-forwarded-for"]) {
    const value = name.endsWith("for") ? "192.0.2.1" : "/helm";
    assert.equal((await ask("/metrics", { headers: { [name]: value } })).status, 404, name);
  }
});

test("only Nexus brings figures, and what it brings is looked at", async (t) => {
  const { ask, core, url } = await startTestDaemon(t);
  const push = async (body: unknown, token: string) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const init = { method: "POST", headers, body: JSON.stringify(body) };
    return (await ask("/api/figures/ingest", init)).status;
  };
  const right = pushOf("a", 0, { alpha: countsOf(4) });
  assert.equal(await push(right, await core.serviceToken("template", "helm")), 403);
  assert.equal(await push(right, await core.userToken({ permission_level: "admin" })), 403);
  assert.equal(await push(right, await core.serviceToken("nexus", "core")), 401);
  const nexus = await core.serviceToken("nexus", "helm");
  for (const wrong of [
    [],
    { ...right, instance: "a b" },
    { ...right, age_seconds: -1 },
    { ...right, latency_bounds_ms: [1, 2] },
    { ...right, services: { "no name": countsOf(1) } },
    { ...right, services: { alpha: { ...countsOf(1), requests: "many" } } },
    { ...right, services: { alpha: { ...countsOf(1), latency_buckets: [1] } } },
  ]) {
    assert.equal(await push(wrong, nexus), 400, JSON.stringify(wrong));
  }
  assert.equal(await push(right, nexus), 204);
  const metrics = parseMetrics(await (await fetch(`${url}/metrics`)).text());
  const [sample] = metrics.get("hivematrix_service_requests_total")?.samples ?? [];
  assert.deepEqual([sample?.labels, sample?.value], [{ service: "alpha" }, 4]);
});
