import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { SettingsError } from "@hivematrix/lib/settings";
import { defaultLimits, shareLimits } from "./limits.ts";
import { readNexusSettings } from "./nexus_settings.ts";

const complete = {
  PORT: "8000",
  NEXUS_SERVICE_URL: "http://localhost:8000",
  CORE_SERVICE_URL: "http://127.0.0.1:5000",
  KEYCLOAK_SERVER_URL: "http://localhost:8000/keycloak",
  KEYCLOAK_BACKEND_URL: "http://127.0.0.1:8080",
  KEYCLOAK_REALM: "hivematrix",
  KEYCLOAK_CLIENT_ID: "core-client",
  KEYCLOAK_CLIENT_SECRET: "secret",
  SECRET_KEY: "key",
  SERVICE_SECRET: "secret",
};

function read(changes: Record<string, string | undefined> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "hivematrix-nexus-"));
  try {
    return readNexusSettings(folder, { ...complete, ...changes });
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 20 });
  }
}

test("the settings come as they are, loopback being the address to listen on", () => {
  const settings = read();
  assert.equal(settings.port, 8000);
  assert.equal(settings.bindAddress, "127.0.0.1");
  assert.equal(settings.KEYCLOAK_REALM, "hivematrix");
  assert.equal(read({ BIND_ADDRESS: "0.0.0.0" }).bindAddress, "0.0.0.0");
});

test("there is a process for each core, up to four, unless told otherwise", () => {
  assert.equal(read().processes, Math.min(availableParallelism(), 4));
  assert.equal(read({ PROCESSES: "12" }).processes, 12);
});

test("each required setting that is missing is named with the way to mend it", () => {
  for (const key of Object.keys(complete)) {
    const expected = new RegExp(`Cannot start nexus: ${key} is missing .*helm config sync-all`);
    assert.throws(() => read({ [key]: undefined }), { name: "SettingsError", message: expected });
  }
});

test("a setting that cannot be used stops the start with its key, value and remedy", () => {
  const table: readonly (readonly [key: string, value: string])[] = [
    ["PORT", "eighty"],
    ["PORT", "70000"],
    ["NEXUS_SERVICE_URL", "localhost:8000"],
    ["NEXUS_SERVICE_URL", "http://localhost:8000/path"],
    ["NEXUS_SERVICE_URL", "http://ada@localhost:8000"],
    ["NEXUS_SERVICE_URL", "ftp://localhost"],
    ["CORE_SERVICE_URL", "127.0.0.1:5000"],
    ["KEYCLOAK_SERVER_URL", "/keycloak"],
    ["KEYCLOAK_BACKEND_URL", "nonsense"],
    ["PROCESSES", "0"],
    ["PROCESSES", "two"],
    ["PROCESSES", "1000"],
    ["TRUSTED_PROXIES", "10.0.0.1,proxy.example"],
    ["LIMIT_HEADER_SECONDS", "soon"],
  ];
  for (const [key, value] of table) {
    assert.throws(
      () => read({ [key]: value }),
      (error) =>
        error instanceof SettingsError &&
        error.message.includes(`${key} is "${value}"`) &&
        error.message.includes("helm config"),
      `${key}=${value}`,
    );
  }
});

test("limits and proxies come as numbers and addresses, and are none of ours by default", () => {
  assert.deepEqual(read({ PROCESSES: "1" }).limits, defaultLimits);
  assert.deepEqual(read({ PROCESSES: "3" }).limits, shareLimits(defaultLimits, 3));
  assert.deepEqual(read().trustedProxies, []);
  const set = read({ LIMIT_BODY_IDLE_SECONDS: "90", TRUSTED_PROXIES: " 10.0.0.1, ::1 " });
  assert.equal(set.limits?.body_idle_seconds, 90);
  assert.deepEqual(set.trustedProxies, ["10.0.0.1", "::1"]);
});

test("passwords are counted where Helm says so, each process having its share of the limits", () => {
  assert.equal(read().passwordLimits, undefined);
  const set = read({
    PROCESSES: "4",
    THROTTLE_PASSWORDS: "true",
    LIMIT_FAILURES_PER_USER: "9",
  });
  assert.deepEqual(set.passwordLimits, {
    failures_per_address: 75,
    failures_per_user_and_address: 5,
    failures_per_user: 3,
  });
});

test("a certificate without an https address is a contradiction", () => {
  assert.throws(() => read({ TLS_CERT_FILE: "cert.pem", TLS_KEY_FILE: "key.pem" }), /https|TLS/);
  const secure = { NEXUS_SERVICE_URL: "https://hive.example.org", TLS_CERT_FILE: "cert.pem" };
  assert.equal(read(secure).TLS_CERT_FILE, "cert.pem");
});
