import assert from "node:assert/strict";
import { test } from "node:test";
import { createCheckout } from "../../config/checkout.ts";
import { makeConfig } from "../../testing.ts";
import { serverCommand, startWords } from "./server_command.ts";
import { keycloakServerDefinition } from "./server_definition.ts";

const base = makeConfig();
const config = { ...base, keycloak: { ...base.keycloak, mode: "server" as const } };
const databases = { ensure: async () => {} };
const { env } = keycloakServerDefinition(config, { checkout: createCheckout("/x"), databases });

test("R31: no secret stands in the arguments of a real Keycloak", () => {
  const words = serverCommand({ java: "/usr/bin/java", home: "/x/26.7.3" }, startWords).join(" ");
  const { client_secret, admin_client_secret, admin_password } = config.keycloak;
  const secrets = [client_secret, admin_client_secret, config.apps["keycloak"]?.db_password];
  for (const secret of secrets) assert.ok(!words.includes(secret ?? "?"));
  assert.ok(!words.includes(`=${admin_password}`));
});

test("a real Keycloak listens on loopback only, and forms no cluster", () => {
  assert.equal(env["KC_HTTP_HOST"], "127.0.0.1");
  assert.equal(env["KC_HTTP_MANAGEMENT_HOST"], "127.0.0.1");
  assert.equal(env["KC_CACHE"], "local");
});

test("a real Keycloak shows its public address and keeps to a schema of its own", () => {
  assert.equal(env["KC_HOSTNAME"], "http://localhost:28000/keycloak");
  assert.equal(env["KC_HOSTNAME_ADMIN"], `http://127.0.0.1:${env["KC_HTTP_PORT"]}`);
  assert.equal(env["KC_DB_URL"], "jdbc:postgresql://127.0.0.1:25432/keycloak_db");
  assert.equal(env["KC_DB_SCHEMA"], "keycloak");
  assert.equal(env["KC_HTTP_MANAGEMENT_PORT"], "29000");
});
