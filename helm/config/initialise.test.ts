import assert from "node:assert/strict";
import { access } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { makeCheckout, modeOf, registry } from "../testing.ts";
import { hasOpenssl } from "./certificate.ts";
import { initialise } from "./initialise.ts";
import { isInitialised, loadMasterConfig } from "./master_config.ts";
import { publicOrigin } from "./public_origin.ts";

const development = {
  environment: "development",
  hostname: "localhost",
  portOffset: 33_000,
  tls: false,
  adminPassword: undefined,
} as const;

test("a development installation is for this machine alone, with the well-known password", async (t) => {
  const checkout = await makeCheckout(t);
  const { config } = await initialise(checkout, registry, development);
  assert.deepEqual(await loadMasterConfig(checkout), config);
  assert.equal(config.apps["nexus"]?.bind_address, "127.0.0.1");
  assert.equal(publicOrigin(config), "http://localhost:41000");
  assert.equal(config.keycloak.admin_password, "admin");
  assert.equal(config.apps["core"]?.port, 38_000);
  await access(join(checkout.root, "core", ".env"));
});

test("a production installation is for everyone, with a password of its own", async (t) => {
  const options = {
    ...development,
    environment: "production",
    hostname: "hive.example.org",
  } as const;
  const { config } = await initialise(await makeCheckout(t), registry, options);
  assert.equal(config.apps["nexus"]?.bind_address, "0.0.0.0");
  assert.match(config.keycloak.admin_password, /^[\w-]{20}$/);
  const other = await initialise(await makeCheckout(t), registry, options);
  assert.notEqual(other.config.keycloak.admin_password, config.keycloak.admin_password);
});

test("with TLS there is a certificate, and a word about it", async (t) => {
  if (!(await hasOpenssl())) return t.skip("no openssl on this machine");
  const checkout = await makeCheckout(t);
  const { config, notes } = await initialise(checkout, registry, { ...development, tls: true });
  assert.equal(publicOrigin(config), "https://localhost:33443");
  assert.match(notes.join(), /self-signed certificate/);
  assert.equal(await modeOf(join(checkout.root, "nexus", "instance", "tls", "key.pem")), "600");
});

test("PostgreSQL takes the next free port and says so", async (t) => {
  await listen(t, 38_432);
  const { config, notes } = await initialise(await makeCheckout(t), registry, development);
  assert.equal(config.databases.postgresql.port, 38_433);
  assert.deepEqual(notes, ["PostgreSQL on port 38433, because 38432 is taken"]);
});

test("a taken port is named with its holder and the remedy, and nothing is written", async (t) => {
  await listen(t, 38_000);
  const checkout = await makeCheckout(t);
  const message = new RegExp(
    `port 38000 for core is taken by process ${process.pid} \\(.*node.*--port-offset N`,
  );
  await assert.rejects(initialise(checkout, registry, development), message);
  assert.equal(await isInitialised(checkout), false);
});

async function listen(t: TestContext, port: number): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  t.after(() => new Promise((resolve) => server.close(resolve)));
}
