// `keycloak.mode external`: browsers reach the provider at its own address, not through Nexus.
import assert from "node:assert/strict";
import { test } from "node:test";
import { findFreePort } from "@hivematrix/lib/postgres_testing";
import type { TestScope } from "@hivematrix/lib/testing";
import { type HostileProvider, startHostileProvider } from "./hostile_provider_testing.ts";
import { startNexus } from "./testing.ts";

async function startWithExternalProvider(scope: TestScope) {
  const port = await findFreePort();
  const publicUrl = `http://127.0.0.1:${port}`;
  const providers: HostileProvider[] = [];
  const nexus = await startNexus(scope, {
    async startProvider() {
      const provider = await startHostileProvider(scope, publicUrl, port);
      providers.push(provider);
      return { ...provider, publicUrl };
    },
  });
  return { nexus, publicUrl, provider: providers[0] as HostileProvider };
}

test("with a provider elsewhere, a browser is led there and comes back signed in", async (t) => {
  const { nexus, publicUrl } = await startWithExternalProvider(t);
  const browser = nexus.openBrowser();
  const { status, body } = await browser.open("/template/here");
  assert.equal(status, 200);
  assert.match(body, /Ada Lovelace/);
  const addresses = browser.seen.map(({ url }) => url);
  const atProvider = addresses.filter((url) => url.startsWith(`${publicUrl}/realms/`));
  assert.equal(atProvider.length, 1, addresses.join(" "));
  assert.ok(!addresses.some((url) => url.startsWith(`${nexus.origin}/keycloak/`)));
});

test("with a provider elsewhere, there is nothing below /keycloak/", async (t) => {
  const { nexus, provider } = await startWithExternalProvider(t);
  const browser = nexus.openBrowser();
  for (const path of [`/realms/${provider.realm}/protocol/openid-connect/auth`, "/resources/a"]) {
    assert.equal((await browser.request(`/keycloak${path}`)).status, 404, path);
  }
  assert.equal(provider.authorizations.length, 0);
});

test("who signs out is told where to sign out of a provider elsewhere too", async (t) => {
  const { nexus, publicUrl, provider } = await startWithExternalProvider(t);
  const browser = nexus.openBrowser();
  await browser.open("/");
  await provider.kill();
  const { body } = await browser.open("/logout");
  assert.ok(body.replaceAll("&#x2F;", "/").includes(`href="${publicUrl}/realms/`), body);
});
