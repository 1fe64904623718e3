import assert from "node:assert/strict";
import { test } from "node:test";
import { Agent } from "undici";
import { startHostileProvider } from "./hostile_provider_testing.ts";
import { createMetadataReader } from "./provider_metadata.ts";

test("R3: what a provider says of itself is read once for all, and anew after five minutes", async (t) => {
  const provider = await startHostileProvider(t, "http://hive.test/keycloak");
  let reads = 0;
  provider.wrong.metadata = (body) => {
    reads += 1;
    return { body };
  };
  const dispatcher = new Agent();
  t.after(() => dispatcher.close());
  let now = 0;
  const url = `${provider.backendUrl}/realms/hivematrix/.well-known/openid-configuration`;
  const read = createMetadataReader(provider.issuer, { url, dispatcher, now: () => now });
  assert.deepEqual(await Promise.all([read(), read()]), Array(2).fill({ namesItself: true }));
  now = 299_000;
  await read();
  assert.equal(reads, 1);

  provider.wrong.metadata = (body) => ({ body: { ...body, issuer: "https://evil.example" } });
  await read();
  now = 300_000;
  await assert.rejects(read(), { status: 502 });
  provider.wrong = {};
  assert.deepEqual(await read(), { namesItself: true }, "a failure is not kept");
});
