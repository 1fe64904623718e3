import assert from "node:assert/strict";
import { test } from "node:test";
import { keycloakServerSkip, startKeycloakServer } from "./server_testing.ts";

test("a real Keycloak starts for a test, and again after its end", {
  skip: keycloakServerSkip(),
}, async (t) => {
  const keycloak = await startKeycloakServer(t);
  const token = await requestToken(keycloak.adminPlace);
  await keycloak.kill();
  await assert.rejects(fetch(keycloak.backendUrl));
  await keycloak.restart();
  assert.equal((await requestToken(keycloak.adminPlace)).length > 0, true);
  assert.equal(token.length > 0, true);
});

async function requestToken(place: {
  backendUrl: string;
  tokenRealm: string;
  clientId: string;
  clientSecret: string;
}): Promise<string> {
  const url = `${place.backendUrl}/realms/${place.tokenRealm}/protocol/openid-connect/token`;
  const form = new URLSearchParams({
    grant_type: "client_credentials",
    client_id: place.clientId,
    client_secret: place.clientSecret,
  });
  const response = await fetch(url, { method: "POST", body: form });
  const body = (await response.json()) as { access_token?: string };
  return body.access_token ?? assert.fail(JSON.stringify(body));
}
