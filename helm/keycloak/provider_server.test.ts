import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createTestLog, startTestPostgres } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { startProviderServer } from "./provider_server.ts";
import { readPublicAddress } from "./public_address.ts";
import { startEmbeddedProvider, type TestProvider } from "./testing.ts";
import { readCode, type TestBrowser } from "./testing_browser.ts";

function readSub(idToken: string): string {
  const payload = Buffer.from(idToken.split(".")[1] ?? "", "base64url").toString("utf8");
  return (JSON.parse(payload) as { sub: string }).sub;
}

const settings = {
  port: 0,
  address: readPublicAddress({
    KEYCLOAK_SERVER_URL: "http://hive.test:8000/keycloak",
    KEYCLOAK_REALM: "hivematrix",
    NEXUS_SERVICE_URL: "http://hive.test:8000",
  }),
  client: { id: "core-client", secret: "secret" },
  secretKey: "secret-key",
  coreUrl: "http://127.0.0.1:9",
  firstUser: { username: "admin", password: "admin" },
};

async function makeFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "hivematrix-keycloak-"));
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 20 }));
  return folder;
}

async function readHealth(provider: Pick<TestProvider, "backendUrl">) {
  const response = await fetch(`${provider.backendUrl}/health`);
  return { status: response.status, body: (await response.json()) as { service: string } };
}

async function passesUnseen(browser: TestBrowser): Promise<boolean> {
  const attempt = browser.attempt();
  const code = readCode(await browser.open(attempt.url), attempt);
  return (await browser.redeem(code, attempt.verifier)).ok;
}

test("a restart signs nobody out, and sub, tokens and keys stay the same", async (t) => {
  const provider = await startEmbeddedProvider(t);
  const certs = async () => {
    const path = "/realms/hivematrix/protocol/openid-connect/certs";
    return await (await fetch(provider.backendUrl + path)).text();
  };
  const browser = provider.openBrowser();
  const before = await browser.obtainTokens("ada", "ada-secret");
  const open = await provider.openBrowser().open(browser.attempt().url);
  const keys = await certs();
  await provider.restart();

  assert.equal(await certs(), keys);
  assert.equal(await passesUnseen(browser), true);
  const { refresh_token } = before;
  const refreshed = await browser.post("token", { grant_type: "refresh_token", refresh_token });
  assert.equal(refreshed.status, 200);
  const elsewhere = await provider.openBrowser().obtainTokens("ada", "ada-secret");
  assert.equal(readSub(elsewhere.id_token), readSub(before.id_token));
  assert.equal(open.status, 200);
});

test("a sign-in page that was open during a restart still works", async (t) => {
  const provider = await startEmbeddedProvider(t);
  const browser = provider.openBrowser();
  const attempt = browser.attempt();
  const page = await browser.open(attempt.url);
  await provider.restart();
  const end = await browser.submit(page, { username: "ada", password: "ada-secret" });
  assert.equal((await browser.redeem(readCode(end, attempt), attempt.verifier)).status, 200);
});

test("R25: without PostgreSQL every answer is 503 with Retry-After, and all is well afterwards", async (t) => {
  const postgres = await startTestPostgres(t, { own: true });
  const provider = await startEmbeddedProvider(t, { databaseUrl: postgres.url });
  const browser = provider.openBrowser();
  const { access_token, refresh_token } = await browser.obtainTokens("ada", "ada-secret");
  const attempt = browser.attempt({ prompt: "login" });
  const page = await browser.open(attempt.url);
  await postgres.kill();

  const form = { username: "ada", password: "ada-secret" };
  const pages = [await browser.open(browser.attempt().url), await browser.submit(page, form)];
  for (const { status, headers, body } of pages) {
    assert.equal(status, 503);
    assert.ok(Number(headers.get("retry-after")) > 0);
    assert.match(body, /The user database cannot be reached/);
    assert.doesNotMatch(body, /ECONN|postgres|node_modules/i);
  }
  const userinfo = `${provider.backendUrl}/realms/hivematrix/protocol/openid-connect/userinfo`;
  const answers = [
    await browser.post("token", { grant_type: "refresh_token", refresh_token }),
    await browser.post("logout", { refresh_token }),
    await fetch(userinfo, { headers: { authorization: `Bearer ${access_token}` } }),
  ];
  for (const answer of answers) {
    assert.equal(answer.status, 503);
    assert.ok(Number(answer.headers.get("retry-after")) > 0);
    assert.equal(((await answer.json()) as { error: string }).error, "temporarily_unavailable");
  }
  assert.equal((await readHealth(provider)).status, 503);

  await postgres.restart();
  await waitFor(async () => (await readHealth(provider)).status === 200);
  const end = await browser.submit(page, form);
  assert.equal((await browser.redeem(readCode(end, attempt), attempt.verifier)).status, 200);
});

test("a start without PostgreSQL waits for it, and answers 503 meanwhile", async (t) => {
  const postgres = await startTestPostgres(t, { own: true });
  const instanceFolder = await makeFolder(t);
  const log = createTestLog("keycloak");
  await postgres.kill();
  const server = await startProviderServer({
    ...settings,
    connectionString: postgres.url,
    instanceFolder,
    log,
  });
  t.after(() => server.close());
  const discovery = new URL("/realms/hivematrix/.well-known/openid-configuration", server.url);
  const early = await fetch(discovery);
  assert.equal(early.status, 503);
  assert.ok(Number(early.headers.get("retry-after")) > 0);
  assert.equal((await readHealth({ backendUrl: server.url.origin })).status, 503);
  await waitFor(() => log.lines.join("").includes("waiting for the database"));

  await postgres.restart();
  await server.ready;
  assert.equal((await fetch(discovery)).status, 200);
  assert.equal((await readHealth({ backendUrl: server.url.origin })).status, 200);
  assert.ok(await server.accounts.checkPassword("admin", "admin"));
});

test("a database that refuses the service stops the start with the reason and the remedy", async (t) => {
  const { url } = await startTestPostgres(t);
  const connectionString = Object.assign(new URL(url), { pathname: "/no_such_database" }).href;
  const options = { instanceFolder: await makeFolder(t), log: createTestLog("keycloak") };
  const server = await startProviderServer({ ...settings, ...options, connectionString });
  t.after(() => server.close());
  await assert.rejects(server.ready, {
    message: /^Cannot start keycloak: .*"no_such_database" does not exist.*keycloak\.conf/,
  });
});

test("health is open, and paths outside the realm lead nowhere", async (t) => {
  const provider = await startEmbeddedProvider(t);
  const health = await readHealth(provider);
  assert.deepEqual([health.status, health.body.service], [200, "keycloak"]);
  const paths = [
    "/",
    "/realms/master/protocol/openid-connect/auth",
    "/admin",
    "/realms/hivematrix",
  ];
  for (const path of paths) {
    assert.equal((await fetch(provider.backendUrl + path)).status, 404, path);
  }
  const unknown = `${provider.backendUrl}/realms/hivematrix/unknown`;
  const page = await fetch(unknown, { headers: { accept: "text/html" } });
  assert.equal(page.status, 404);
  assert.match(await page.text(), /There is no such page/);
  const problem = await fetch(unknown);
  assert.deepEqual(
    [problem.status, problem.headers.get("content-type")],
    [404, "application/json; charset=utf-8"],
  );
});

test("records that have expired are gone after the next start", async (t) => {
  const { url, sql } = await startTestPostgres(t);
  const provider = await startEmbeddedProvider(t, { databaseUrl: url });
  await provider.openBrowser().signIn("ada", "ada-secret");
  await sql`UPDATE oidc_records SET expires_at = now() - interval '1 second'`;
  await provider.restart();
  const [rest] = await sql`SELECT count(*)::int AS count FROM oidc_records`;
  assert.equal(rest?.["count"], 0);
});
