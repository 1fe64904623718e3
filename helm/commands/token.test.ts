import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import test, { type TestContext } from "node:test";
import { createTokenVerifier } from "@hivematrix/lib/token_verifier";
import { startCore } from "../../core/testing.ts";
import { loadMasterConfig, saveMasterConfig } from "../config/master_config.ts";
import { makeConfiguration, withCore } from "./testing.ts";

const template = { url: "http://127.0.0.1:5040" };

test("a token makes whoever has it the service helm, for one service and for five minutes", async (t) => {
  const { helm, core } = await start(t);
  const { status, stdout, stderr } = await helm("token", "template");
  assert.deepEqual([status, stderr], [0, ""]);
  assert.match(stdout, /^[\w-]+\.[\w-]+\.[\w-]+\n$/);
  const verify = (service: string) =>
    createTokenVerifier({ coreUrl: core.url, service }).verify(stdout.trim());
  assert.deepEqual(await verify("template"), { kind: "service", service: "helm" });
  await assert.rejects(verify("codex"), /it is meant for "template"/);

  const json = JSON.parse((await helm("token", "template", "--json")).stdout);
  const { token, expires_at: end, ...rest } = json;
  assert.deepEqual(rest, {
    calling_service: "helm",
    target_service: "template",
    url: template.url,
  });
  assert.match(token, /^[\w-]+\.[\w-]+\.[\w-]+$/);
  const seconds = (Date.parse(end) - Date.now()) / 1000;
  assert.ok(seconds > 200 && seconds <= 300, end);
});

test("Core's log says for whom a token was given, and has none of it", async (t) => {
  const { helm, core } = await start(t);
  const { stdout } = await helm("token", "template");
  const log = core.logLines.join("\n");
  assert.match(log, /"message":"gave a service token".*"calling":"helm","target":"template"/);
  assert.ok(!log.includes(stdout.trim().split(".")[2] ?? ""), "its signature");
});

test("without a service of that name, or without Core, there is a reason and no token", async (t) => {
  const { helm, core } = await start(t);
  const unknown = await helm("token", "tempalte");
  assert.deepEqual([unknown.status, unknown.stdout], [1, ""]);
  assert.equal(
    unknown.stderr,
    'There is no service "tempalte" that takes tokens, there are: helm, template; did you mean "template"?\n',
  );
  await core.close();
  const away = await helm("token", "template");
  assert.deepEqual([away.status, away.stdout], [1, ""]);
  assert.equal(
    away.stderr,
    'Cannot get a service token for "template": Core cannot be reached, see "helm status"\n',
  );
});

async function start(t: TestContext) {
  const core = await startCore(t, { services: ["helm", "template"] });
  const { checkout, helm } = await makeConfiguration(t);
  await saveMasterConfig(checkout, withCore(await loadMasterConfig(checkout), core));
  const services = { helm: { url: "http://127.0.0.1:5004" }, template };
  await writeFile(checkout.servicesFile, JSON.stringify(services));
  return { core, helm };
}
