import assert from "node:assert/strict";
import { test } from "node:test";
import { createServiceClient } from "@hivematrix/lib/service_client";
import { createTokenVerifier } from "@hivematrix/lib/token_verifier";
import { decodeJwt } from "jose";
import { giveServiceToken } from "./service_token.ts";
import { createTestContext, formatBasic, type StartedCore, startCore } from "./testing.ts";

const path = "/service-token";
const body = { calling_service: "template", target_service: "codex" };

const ask = (core: StartedCore, authorization: string | undefined, request: object = body) =>
  core.post(path, request, authorization === undefined ? {} : { authorization });

test("R21: a service with its own credential gets a token of 5 minutes", async (t) => {
  const core = await startCore(t);
  const response = await ask(core, core.basicOf("template"));
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("cache-control"), "no-store");
  const { token } = (await response.json()) as { token: string };
  const claims = decodeJwt(token);
  assert.equal((claims.exp ?? 0) - (claims.iat ?? 0), 300);
  const verifier = createTokenVerifier({ coreUrl: core.url, service: "codex" });
  assert.deepEqual(await verifier.verify(token), { kind: "service", service: "template" });
});

test("R21: without a credential there is 401 and a challenge", async (t) => {
  const core = await startCore(t);
  const response = await ask(core, undefined);
  assert.equal(response.status, 401);
  assert.match(response.headers.get("www-authenticate") ?? "", /^Basic realm="hivematrix"/);
});

test("R21: with another service's credential there is 403", async (t) => {
  const core = await startCore(t);
  const response = await ask(core, core.basicOf("codex"));
  assert.equal(response.status, 403);
  const { detail } = (await response.json()) as { detail: string };
  assert.match(detail, /"codex" may not call as "template"/);
  assert.match(core.logLines.join(""), /a service asked for another's token/);
});

test("R21: a wrong, shared, empty or default secret is 401", async (t) => {
  const core = await startCore(t);
  const { secretOf } = core;
  for (const secret of [secretOf("codex"), secretOf("nexus"), "", "secret", "template", "admin"]) {
    const response = await ask(core, formatBasic("template", secret));
    assert.equal(response.status, 401, secret);
    assert.match(response.headers.get("www-authenticate") ?? "", /^Basic /);
  }
});

test("the handler answers without a server", async (t) => {
  const core = await startCore(t);
  const url = `http://core${path}`;
  const authorization = core.basicOf("template");
  const headers = { "content-type": "application/json", authorization };
  const request = new Request(url, { method: "POST", headers, body: JSON.stringify(body) });
  const response = await giveServiceToken(core)(request, createTestContext(url));
  assert.equal(response.status, 200);
});

test("a target that is not registered is 403 with the reason", async (t) => {
  const core = await startCore(t);
  for (const target_service of ["unknown", "Codex", "__proto__", "constructor", "codex "]) {
    const response = await ask(core, core.basicOf("template"), { ...body, target_service });
    assert.equal(response.status, 403, target_service);
    const { detail } = (await response.json()) as { detail: string };
    assert.match(detail, /not registered/);
  }
});

test("a malformed body is 400", async (t) => {
  const core = await startCore(t);
  const credential = core.basicOf("template");
  for (const request of [{}, { calling_service: "template" }, { ...body, target_service: ["x"] }]) {
    assert.equal((await ask(core, credential, request)).status, 400, JSON.stringify(request));
  }
});

test("a service marked legacy gets a token without a credential, and no other does", async (t) => {
  const core = await startCore(t, { legacyServices: ["codex"] });
  const legacy = { calling_service: "codex", target_service: "template" };
  assert.equal((await ask(core, undefined, legacy)).status, 200);
  assert.equal((await ask(core, undefined, body)).status, 401);
  const wrong = await ask(core, formatBasic("codex", "wrong"), legacy);
  assert.equal(wrong.status, 401, "a credential that is sent has to be right");
  const others = await ask(core, core.basicOf("template"), legacy);
  assert.equal(others.status, 403, "nobody else may call in its name");
});

test("lib's service client gets its token here", async (t) => {
  const core = await startCore(t);
  const client = createServiceClient({
    service: "template",
    serviceSecret: core.secretOf("template"),
    coreUrl: core.url,
    // Core stands in for the service that is called: any that answers will do.
    registry: { find: (name) => ({ name, url: core.url }), list: () => [] },
  });
  assert.equal((await client.callService("codex", "/health")).status, 200);
  assert.match(core.logLines.join(""), /"path":"\/service-token","status":200/);
});
