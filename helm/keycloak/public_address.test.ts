import assert from "node:assert/strict";
import { test } from "node:test";
import { readPublicAddress } from "./public_address.ts";

test("the issuer is the provider's public URL and the realm, as Keycloak has it", () => {
  const address = readPublicAddress({
    KEYCLOAK_SERVER_URL: "https://hive.example.org/keycloak",
    KEYCLOAK_REALM: "hivematrix",
    NEXUS_SERVICE_URL: "https://hive.example.org",
  });
  assert.deepEqual(address, {
    issuer: "https://hive.example.org/keycloak/realms/hivematrix",
    path: "/keycloak/realms/hivematrix",
    realmPath: "/realms/hivematrix",
    origin: "https://hive.example.org",
    publicOrigin: "https://hive.example.org",
    isSecure: true,
  });
});

test("a slash at the end of a URL makes no difference, nor does a provider without a prefix", () => {
  const address = readPublicAddress({
    KEYCLOAK_SERVER_URL: "http://localhost:8080/",
    KEYCLOAK_REALM: "staff",
    NEXUS_SERVICE_URL: "http://localhost:8000/",
  });
  assert.equal(address.issuer, "http://localhost:8080/realms/staff");
  assert.equal(address.path, "/realms/staff");
  assert.equal(address.publicOrigin, "http://localhost:8000");
  assert.equal(address.isSecure, false);
});

test("a URL that is none stops the start with the setting's name", () => {
  const settings = {
    KEYCLOAK_SERVER_URL: "hive.example.org/keycloak",
    KEYCLOAK_REALM: "hivematrix",
    NEXUS_SERVICE_URL: "https://hive.example.org",
  };
  const expected = /^Cannot start keycloak: KEYCLOAK_SERVER_URL is "hive\.example\.org\/keycloak"/;
  assert.throws(() => readPublicAddress(settings), { name: "SettingsError", message: expected });
});
