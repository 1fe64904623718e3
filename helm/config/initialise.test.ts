import assert from "node:assert/strict";
import { access } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { findFreeOffset, makeCheckout, modeOf, registry } from "../testing.ts";
import { hasOpenssl } from "./certificate.ts";
import { initialise } from "./initialise.ts";
import { isInitialised, loadMasterConfig } from "./master_config.ts";
import { publicOrigin } from "./public_origin.ts";

const development = {
  environment: "development",
  hostname: "localhost",
  portOffset: await findFreeOffset(),
  tls: false,
  adminPassword: undefined,
} as const;
const { portOffset } = development;

test("a development installation is for this machine alone, with the well-known password", async (t) => {
  const checkout = await makeCheckout(t);
  const { config } = await initialise(checkout, registry, development);
  assert.deepEqual(await loadMasterConfig(checkout), config);
  assert.equal(config.apps["nexus"]?.bind_address, "127.0.0.1");
  assert.equal(publicOrigin(config), `http://localhost:${8000 + portOffset}`);
  assert.equal(config.keycloak.admin_password, "admin");
  assert.equal(config.apps["core"]?.port, 5000 + portOffset);
  await access(join(checkout.root, "core", ".env"));
});

test("of two at once one makes the installation, and the other leaves it alone and says so", async (t) => {
  const checkout = await makeCheckout(t);
  const both = [1, 2].map(() => initialise(checkout, registry, development));
  const ends = await Promise.allSettled(both);
  const [made] = ends.flatMap((end) => (end.status === "fulfilled" ? [end.value.config] : []));
  const [refused] = ends.flatMap((end) => (end.status === "rejected" ? [end.reason.message] : []));
  assert.match(
    refused,
    /^Cannot initialise: somebody else has made helm\/instance\/configs\/.* meanwhile$/,
  );
  assert.deepEqual(await loadMasterConfig(checkout), made);
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
  assert.equal(publicOrigin(config), `https://localhost:${443 + portOffset}`);
  assert.match(notes.join(), /self-signed certificate/);
  assert.equal(await modeOf(join(checkout.root, "nexus", "instance", "tls", "key.pem")), "600");
});

test("PostgreSQL takes the next free port and says so", async (t) => {
  const taken = 5432 + portOffset;
  await listen(t, taken);
  const { config, notes } = await initialise(await makeCheckout(t), registry, development);
  assert.equal(config.databases.postgresql.port, taken + 1);
  assert.deepEqual(notes, [`PostgreSQL on port ${taken + 1}, because ${taken} is taken`]);
});

test("a taken port is named with its holder and the remedy, and nothing is written", async (t) => {
  const port = 5000 + portOffset;
  await listen(t, port);
  const checkout = await makeCheckout(t);
  const message = new RegExp(
    `port ${port} for core is taken by process ${process.pid} \\(.*node.*--port-offset N`,
  );
  await assert.rejects(initialise(checkout, registry, development), message);
  assert.equal(await isInitialised(checkout), false);
});

test("an offset that leads to a port which browsers refuse is refused, and nothing is written", async (t) => {
  const checkout = await makeCheckout(t);
  const refused = initialise(checkout, registry, { ...development, portOffset: 1000 });
  await assert.rejects(refused, /refuse to open port 6000, which core would have.*--port-offset N/);
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
