import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { SettingsError } from "@hivematrix/lib/settings";
import { readCoreSettings } from "./core_settings.ts";

const least = {
  PORT: "5000",
  SECRET_KEY: "s",
  KEYCLOAK_BACKEND_URL: "http://127.0.0.1:8080",
  KEYCLOAK_REALM: "hivematrix",
  KEYCLOAK_CLIENT_ID: "core-client",
  KEYCLOAK_CLIENT_SECRET: "c",
};

function createFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "hivematrix-settings-"));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20 }));
  return folder;
}

test("the required settings are enough, the others have defaults", (t) => {
  const folder = createFolder(t);
  assert.deepEqual(readCoreSettings(folder, least), {
    port: 5000,
    secretKey: "s",
    keycloak: {
      backendUrl: "http://127.0.0.1:8080",
      realm: "hivematrix",
      clientId: "core-client",
      clientSecret: "c",
      issuer: undefined,
    },
    issuer: "hivematrix.core",
    privateKeyFile: join(folder, "instance/keys/jwt_private.pem"),
    publicKeyFile: join(folder, "instance/keys/jwt_public.pem"),
    sessionLifetimeSeconds: 3600,
    idleSeconds: undefined,
    reconcileSeconds: undefined,
    connectionString: undefined,
    confFile: join(folder, "instance/core.conf"),
    servicesFile: join(folder, "services.json"),
  });
});

test("the provider's issuer is what is set, else its address behind Nexus", (t) => {
  const folder = createFolder(t);
  const issuerOf = (more: Record<string, string>) =>
    readCoreSettings(folder, { ...least, ...more }).keycloak.issuer;
  const NEXUS_SERVICE_URL = "https://hive.example.org/";
  assert.equal(
    issuerOf({ NEXUS_SERVICE_URL }),
    "https://hive.example.org/keycloak/realms/hivematrix",
  );
  const KEYCLOAK_ISSUER = "https://id.example.org/realms/x";
  assert.equal(issuerOf({ NEXUS_SERVICE_URL, KEYCLOAK_ISSUER }), KEYCLOAK_ISSUER);
});

test("what is set counts, file names relative to Core's folder", (t) => {
  const folder = createFolder(t);
  mkdirSync(join(folder, "instance"));
  writeFileSync(
    join(folder, "instance", "core.conf"),
    "[database]\nconnection_string = postgresql://core:p%40ss@127.0.0.1:5432/core_db\n",
  );
  const settings = readCoreSettings(folder, {
    ...least,
    JWT_ISSUER: "hivematrix-core",
    JWT_PRIVATE_KEY_FILE: "keys/private.pem",
    JWT_PUBLIC_KEY_FILE: "/etc/hivematrix/public.pem",
    SESSION_LIFETIME_SECONDS: "7200",
    SESSION_IDLE_SECONDS: "900",
    KEYCLOAK_RECONCILE_SECONDS: "2",
  });
  assert.equal(settings.issuer, "hivematrix-core");
  assert.equal(settings.privateKeyFile, join(folder, "keys/private.pem"));
  assert.equal(settings.publicKeyFile, "/etc/hivematrix/public.pem");
  assert.equal(settings.sessionLifetimeSeconds, 7200);
  assert.equal(settings.idleSeconds, 900);
  assert.equal(settings.reconcileSeconds, 2);
  const { connectionString } = settings;
  assert.equal(connectionString, "postgresql://core:p%40ss@127.0.0.1:5432/core_db");
});

test("a missing setting stops the start with its name, its file and the remedy", (t) => {
  const folder = createFolder(t);
  for (const key of Object.keys(least)) {
    const { [key as keyof typeof least]: _, ...others } = least;
    assert.throws(
      () => readCoreSettings(folder, others),
      (error: Error) =>
        error instanceof SettingsError &&
        error.message.includes(`${key} is missing in core/.env`) &&
        error.message.includes("helm config sync-all"),
    );
  }
});

test("a setting that cannot be used stops the start with its name and value", (t) => {
  const folder = createFolder(t);
  const broken = {
    PORT: ["x", "65536", "-1", "5000.5"],
    SESSION_LIFETIME_SECONDS: ["0", "-3600", "1h", "1e9", "99999999"],
    SESSION_IDLE_SECONDS: ["-1", "off"],
    KEYCLOAK_RECONCILE_SECONDS: ["-1", "61", "2.5", "off"],
    KEYCLOAK_BACKEND_URL: ["127.0.0.1:8080", "localhost", "ftp://127.0.0.1"],
  };
  for (const [key, values] of Object.entries(broken)) {
    for (const value of values) {
      assert.throws(
        () => readCoreSettings(folder, { ...least, [key]: value }),
        (error: Error) =>
          error instanceof SettingsError && error.message.includes(`${key} is "${value}"`),
        `${key}=${value}`,
      );
    }
  }
});

test("an idle limit of 0 is none, and so is a period of 0", (t) => {
  const none = { SESSION_IDLE_SECONDS: "0", KEYCLOAK_RECONCILE_SECONDS: "0" };
  const settings = readCoreSettings(createFolder(t), { ...least, ...none });
  assert.equal(settings.idleSeconds, undefined);
  assert.equal(settings.reconcileSeconds, undefined);
});
