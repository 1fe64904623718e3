import assert from "node:assert/strict";
import test from "node:test";
import { makeConfig } from "../testing.ts";
import { appConf, appEnv, connectionString } from "./app_files.ts";
import type { AppConfig, MasterConfig } from "./master_config.ts";
import { publicOrigin } from "./public_origin.ts";
import { hashServiceSecret } from "./secrets.ts";

const config = makeConfig();

test("an app's environment has the contract's variables", () => {
  const env = appEnv(config, "template", "/hive/template");
  const expected = {
    SERVICE_NAME: "template",
    PORT: "25040",
    ENVIRONMENT: "development",
    LOG_LEVEL: "INFO",
    SECRET_KEY: env["SECRET_KEY"],
    SERVICE_SECRET: config.apps["template"]?.service_secret,
    CORE_SERVICE_URL: "http://127.0.0.1:25000",
    NEXUS_SERVICE_URL: "http://localhost:28000",
    HELM_SERVICE_URL: "http://127.0.0.1:25004",
    KEYCLOAK_SERVER_URL: "http://localhost:28000/keycloak",
    KEYCLOAK_BACKEND_URL: "http://127.0.0.1:28080",
    KEYCLOAK_REALM: "hivematrix",
    KEYCLOAK_CLIENT_ID: "core-client",
    JWT_ISSUER: "hivematrix.core",
    DB_HOST: "127.0.0.1",
    DB_PORT: "25432",
    DB_NAME: "template_db",
  };
  assert.deepEqual(env, expected);
});

test("core is sent to the identity provider directly and is told where its keys are", () => {
  const env = appEnv(config, "core", "/hive/core");
  assert.equal(env["KEYCLOAK_SERVER_URL"], "http://127.0.0.1:28080/realms/hivematrix");
  assert.equal(env["JWT_PRIVATE_KEY_FILE"], "/hive/core/instance/keys/jwt_private.pem");
  assert.equal(env["JWT_PUBLIC_KEY_FILE"], "/hive/core/instance/keys/jwt_public.pem");
});

test("R10: core is told the limits of a session that somebody has set, and no others", () => {
  const before = appEnv(config, "core", "/hive/core");
  assert.equal("SESSION_LIFETIME_SECONDS" in before || "SESSION_IDLE_SECONDS" in before, false);
  const system = { session_lifetime_seconds: 28_800, session_idle_seconds: 1800 };
  const env = appEnv({ ...config, system: { ...config.system, ...system } }, "core", "/hive/core");
  assert.equal(env["SESSION_LIFETIME_SECONDS"], "28800");
  assert.equal(env["SESSION_IDLE_SECONDS"], "1800");
});

test("nexus is told its address, and its certificate only with TLS", () => {
  const plain = appEnv(config, "nexus", "/hive/nexus");
  assert.equal(plain["BIND_ADDRESS"], "127.0.0.1");
  assert.equal("TLS_CERT_FILE" in plain, false);
  assert.equal("PROCESSES" in plain, false);
  const secure = makeConfig({ nexus: { port: 443, tls: true }, bindAddress: "0.0.0.0" });
  const env = appEnv(secure, "nexus", "/hive/nexus");
  assert.equal(env["BIND_ADDRESS"], "0.0.0.0");
  assert.equal(env["TLS_CERT_FILE"], "/hive/nexus/instance/tls/certificate.pem");
  assert.equal(env["TLS_KEY_FILE"], "/hive/nexus/instance/tls/key.pem");
  assert.equal("REDIRECT_PORT" in env, false);
  const redirecting = { port: 443, tls: true, redirectPort: 80 };
  const both = makeConfig({ nexus: redirecting, bindAddress: "0.0.0.0" });
  assert.equal(appEnv(both, "nexus", "/hive/nexus")["REDIRECT_PORT"], "80");
});

test("nexus is told a number of processes that somebody has set", () => {
  const nexus = { ...(config.apps["nexus"] as AppConfig), processes: 3 };
  const env = appEnv({ ...config, apps: { ...config.apps, nexus } }, "nexus", "/hive/nexus");
  assert.equal(env["PROCESSES"], "3");
});

test("nexus is told its limits and the proxies before it where somebody has set them", () => {
  const env = (nexus: object, system: object = {}) => {
    const apps = { ...config.apps, nexus: { ...config.apps["nexus"], ...nexus } };
    const changed = { ...config, apps, system: { ...config.system, ...system } };
    return appEnv(changed as MasterConfig, "nexus", "/hive/nexus");
  };
  const plain = Object.keys(env({})).filter((key) => /^(?:LIMIT_|TRUSTED)/.test(key));
  assert.deepEqual(plain, []);
  const limits = { header_count: 300, header_seconds: 30 };
  const set = env({ limits, trusted_proxies: ["10.0.0.1", "10.0.0.2"] });
  assert.equal(set["LIMIT_HEADER_COUNT"], "300");
  assert.equal(set["LIMIT_HEADER_SECONDS"], "30");
  assert.equal(set["TRUSTED_PROXIES"], "10.0.0.1,10.0.0.2");
  // A proxy that is known of is on this machine unless somebody says otherwise.
  const proxied = { public_url: "https://hive.example.org" };
  assert.equal(env({}, proxied)["TRUSTED_PROXIES"], "127.0.0.1,::1");
  assert.equal(env({ trusted_proxies: [] }, proxied)["TRUSTED_PROXIES"], undefined);
});

test("R33: nexus counts passwords before a real Keycloak, by the provider's limits, and only there", () => {
  const env = (mode: MasterConfig["keycloak"]["mode"]) => {
    const keycloak = {
      ...(config.apps["keycloak"] as AppConfig),
      limits: { failures_per_user: 9 },
    };
    const apps = { ...config.apps, keycloak };
    const changed = { ...config, apps, keycloak: { ...config.keycloak, mode } };
    const { THROTTLE_PASSWORDS, LIMIT_FAILURES_PER_USER } = appEnv(changed, "nexus", "/hive/nexus");
    return [THROTTLE_PASSWORDS, LIMIT_FAILURES_PER_USER];
  };
  assert.deepEqual(env("server"), ["true", "9"]);
  assert.deepEqual(env("embedded"), [undefined, undefined]);
  assert.deepEqual(env("external"), [undefined, undefined]);
});

test("R31: no app's files hold a secret of another app, nor the master secret", () => {
  const apps = Object.keys(config.apps);
  const written = new Map(
    apps.map((app) => [app, JSON.stringify([appEnv(config, app, "/x"), appConf(config, app)])]),
  );
  for (const owner of apps) {
    const { service_secret, db_password } = config.apps[owner] ?? {};
    const key = appEnv(config, owner, "/x")["SECRET_KEY"];
    const secrets = [service_secret, db_password, key].filter((secret) => secret !== undefined);
    for (const [app, text] of written) {
      const found = secrets.filter((secret) => text.includes(secret));
      assert.equal(found.length, app === owner ? secrets.length : 0, `${owner}'s in ${app}`);
    }
  }
  for (const text of written.values()) {
    assert.equal(text.includes(config.system.secret_key), false);
    assert.equal(text.includes(config.databases.postgresql.admin_password), false);
  }
});

test("R31: the client secret is for core, nexus and the identity provider alone", () => {
  const holders = Object.keys(config.apps).filter((app) => {
    return "KEYCLOAK_CLIENT_SECRET" in appEnv(config, app, "/x");
  });
  assert.deepEqual(holders.sort(), ["core", "keycloak", "nexus"]);
});

test("core learns every caller's secret as a hash, and who needs none", () => {
  const legacy: MasterConfig = structuredClone(config);
  Object.assign(legacy.apps["template"] ?? {}, { legacy_service_token: true });
  const conf = appConf(legacy, "core");
  assert.deepEqual(Object.keys(conf["service_secrets"] ?? {}).sort(), [
    "helm",
    "nexus",
    "template",
  ]);
  const secret = config.apps["template"]?.service_secret ?? "";
  assert.equal(conf["service_secrets"]?.["template"], hashServiceSecret(secret));
  assert.deepEqual(conf["legacy_service_token"], { template: "true" });
  assert.deepEqual(appConf(config, "core")["legacy_service_token"], {});
});

test("the identity provider learns the first user, nobody else does", () => {
  const expected = {
    username: "admin",
    password: "admin",
    email: "admin@example.test",
    name: "Admin",
  };
  assert.deepEqual(appConf(config, "keycloak")["first_user"], expected);
  assert.equal("first_user" in appConf(config, "core"), false);
});

test("a password of any characters comes through a connection string", () => {
  const password = "p@ss:w/o?r#d%41 [é]\"'";
  const text = connectionString(config, { user: "u_1", password, database: "d_1" });
  const url = new URL(text);
  assert.equal(decodeURIComponent(url.password), password);
  assert.deepEqual([url.username, url.host, url.pathname], ["u_1", "127.0.0.1:25432", "/d_1"]);
});

test("sections of the master configuration reach the app's .conf", () => {
  const custom: MasterConfig = structuredClone(config);
  Object.assign(custom.apps["nexus"] ?? {}, { sections: { smtp: { host: "mail.example.org" } } });
  assert.deepEqual(appConf(custom, "nexus"), { smtp: { host: "mail.example.org" } });
});

test("an app that nobody configured is named, and those that are", () => {
  assert.throws(() => appEnv(config, "codex", "/x"), /Cannot configure "codex": .*core, nexus/);
});

test("the public origin leaves out the port that the scheme implies", () => {
  const origin = (port: number, tls: boolean, hostname = "hive.example.org") =>
    publicOrigin(makeConfig({ hostname, nexus: { port, tls } }));
  assert.equal(origin(443, true), "https://hive.example.org");
  assert.equal(origin(3443, true), "https://hive.example.org:3443");
  assert.equal(origin(8000, false), "http://hive.example.org:8000");
  assert.equal(origin(8000, false, "::1"), "http://[::1]:8000");
});

test("core asks a provider that sends no word, and knows whose tokens to believe", () => {
  const embedded = appEnv(config, "core", "/hive/core");
  assert.equal("KEYCLOAK_RECONCILE_SECONDS" in embedded, false);
  const server = appEnv(withProvider({ mode: "server" }), "core", "/hive/core");
  assert.equal(server["KEYCLOAK_RECONCILE_SECONDS"], "2");
  assert.equal(server["KEYCLOAK_ISSUER"], "http://localhost:28000/keycloak/realms/hivematrix");
  assert.equal(server["KEYCLOAK_BACKEND_URL"], "http://127.0.0.1:28080");
});

test("a provider that somebody else runs is reached at its own address by everybody", () => {
  const external = withProvider({ mode: "external", url: "https://sso.example.org/auth/" });
  const core = appEnv(external, "core", "/hive/core");
  assert.equal(core["KEYCLOAK_ISSUER"], "https://sso.example.org/auth/realms/hivematrix");
  assert.equal(core["KEYCLOAK_RECONCILE_SECONDS"], "2");
  const nexus = appEnv(external, "nexus", "/hive/nexus");
  assert.equal(nexus["KEYCLOAK_SERVER_URL"], "https://sso.example.org/auth");
  assert.equal(nexus["KEYCLOAK_BACKEND_URL"], "https://sso.example.org/auth");
});

test("R31: Helm's secret at the provider is for the embedded provider alone", () => {
  const secret = config.keycloak.admin_client_secret ?? "";
  assert.deepEqual(appConf(config, "keycloak")["admin_client"], { id: "helm", secret });
  for (const app of ["core", "nexus", "helm", "template"]) {
    const files = [appEnv(config, app, "/x"), appConf(config, app)];
    assert.ok(!JSON.stringify(files).includes(secret), app);
  }
});

function withProvider(keycloak: Partial<MasterConfig["keycloak"]>): MasterConfig {
  return { ...config, keycloak: { ...config.keycloak, ...keycloak } };
}
