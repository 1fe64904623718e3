import assert from "node:assert/strict";
import test from "node:test";
import { Figures } from "../figures/figures.ts";
import { LogStore } from "../logs/log_store.ts";
import { controlRoutes } from "./control_routes.ts";
import { startTestDaemon } from "./testing.ts";

test("R22: no control route answers without the control token", async (t) => {
  const { ask, askAsAdmin, core, platform, installs, log } = await startTestDaemon(t);
  const logs = new LogStore(platform, log);
  const figures = new Figures(platform, log);
  const shutdown = async () => {};
  const routes = controlRoutes({ platform, installs, logs, figures, token: "", shutdown });
  assert.ok(routes.length >= 6);
  const strangers = [
    {},
    { authorization: "Bearer " },
    { authorization: `Bearer ${"x".repeat(43)}` },
    { authorization: `Bearer ${await core.serviceToken("template", "helm")}` },
  ];
  for (const { method, path } of routes) {
    const target = path.replace(":name", "alpha").replace(":action", "stop");
    const body = method === "POST" ? '{"services":"stop","isDev":false}' : null;
    for (const headers of strangers) {
      const { status } = await ask(target, { method, headers, body });
      assert.equal(status, 401, `${method} ${path} with ${JSON.stringify(headers)}`);
    }
    // An administrator of the platform is not for that reason an operator of this machine.
    assert.equal((await askAsAdmin(target, { method, body })).status, 401);
  }
  await platform.waitUntilReady();
});

test("the control token opens the control routes, and nothing else", async (t) => {
  const { ask, controlToken } = await startTestDaemon(t);
  const headers = { authorization: `Bearer ${controlToken}` };
  assert.equal((await ask("/control/status", { headers })).status, 200);
  assert.equal((await ask("/api/services", { headers })).status, 401);
});

test("an action that does not exist is 404, one that fails tells why", async (t) => {
  const { ask, controlToken } = await startTestDaemon(t);
  const headers = { authorization: `Bearer ${controlToken}` };
  const post = (path: string) => ask(path, { method: "POST", headers });
  assert.equal((await post("/control/services/alpha/explode")).status, 404);
  const refused = await post("/control/services/gamma/stop");
  assert.equal(refused.status, 409);
  assert.match(await refused.text(), /Cannot find service \\"gamma\\"/);
});
