import assert from "node:assert/strict";
import { test } from "node:test";
import { endProviderSession } from "./keycloak_logout.ts";
import { startTestProvider } from "./testing_provider.ts";

test("the provider gets the client's credential and the refresh token, in the body alone", async (t) => {
  const provider = await startTestProvider(t);
  await endProviderSession(provider.keycloak, "a+refresh/token=&x");
  assert.deepEqual(provider.logouts, [
    {
      client_id: "core-client",
      client_secret: "test-client-secret",
      refresh_token: "a+refresh/token=&x",
    },
  ]);
});

test("a refusal is an error that names the status and no secret", async (t) => {
  const provider = await startTestProvider(t);
  provider.misbehave(() => Response.json({ error: "invalid_grant" }, { status: 400 }));
  await assert.rejects(endProviderSession(provider.keycloak, "the-token"), (error: Error) => {
    assert.match(error.message, /400/);
    return !/the-token|test-client-secret/.test(String(error.stack));
  });
});

test("a provider that is gone or silent is an error within the time limit", async (t) => {
  const provider = await startTestProvider(t);
  provider.misbehave(() => new Promise<Response>(() => {}));
  const asked = endProviderSession(provider.keycloak, "token", { timeoutMs: 100 });
  await assert.rejects(asked, { name: "TimeoutError" });
  await provider.stop();
  await assert.rejects(endProviderSession(provider.keycloak, "token"), { code: "ECONNREFUSED" });
});
