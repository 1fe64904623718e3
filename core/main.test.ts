import assert from "node:assert/strict";
import { statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { updateConf } from "@hivematrix/lib/conf_file";
import { startTestPostgres } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { startAdminDouble } from "./keycloak_admin_testing.ts";
import { copyCore, env, post, run } from "./process_testing.ts";
import { ada } from "./session_store_testing.ts";
import { startTestProvider } from "./testing_provider.ts";

test("Core starts from its own folder's settings, says where sessions are, and stops on SIGTERM", async (t) => {
  const folder = copyCore(t);
  const core = run(t, folder, dirname(folder));
  const url = await core.listening();
  assert.equal((await fetch(new URL("/health", url))).status, 200);
  const stores = core.lines().filter(({ message }) => message.includes("sessions are kept"));
  assert.equal(stores.length, 1);
  assert.match(stores[0]?.message ?? "", /in memory/);
  assert.equal(statSync(join(folder, "instance/keys/jwt_private.pem")).mode & 0o777, 0o600);
  core.process.kill("SIGTERM");
  assert.deepEqual(await core.exited, [0, null]);
});

test("R9: where it is set, Core asks the provider what has become of people", async (t) => {
  const provider = await startAdminDouble(t);
  const backend = { KEYCLOAK_BACKEND_URL: provider.keycloak.backendUrl };
  const core = run(t, copyCore(t, { ...env, ...backend, KEYCLOAK_RECONCILE_SECONDS: "1" }));
  await core.listening();
  const asks = () => provider.questions.filter((path) => path.startsWith("admin-events?")).length;
  await waitFor(() => asks() > 1);
  provider.misbehave(() => new Promise<Response>(() => {}));
  const before = asks();
  await waitFor(() => asks() > before);
  core.process.kill("SIGTERM");
  assert.deepEqual(await core.exited, [0, null], "a question under way holds nothing up");
});

test("two Cores that start at once sign with the same key", async (t) => {
  const folder = copyCore(t);
  const cores = [run(t, folder), run(t, folder)];
  const kids = await Promise.all(
    cores.map(async (core) => {
      const response = await fetch(new URL("/.well-known/jwks.json", await core.listening()));
      const { keys } = (await response.json()) as { keys: { kid: string }[] };
      return keys[0]?.kid;
    }),
  );
  assert.equal(kids[0], kids[1]);
  assert.ok(kids[0]);
});

test("a missing setting is one readable line and exit status 1", async (t) => {
  const { SECRET_KEY: _, ...others } = env;
  const core = run(t, copyCore(t, others));
  assert.deepEqual(await core.exited, [1, null]);
  assert.deepEqual(
    core.lines().map(({ level, message }) => ({ level, message })),
    [
      {
        level: "error",
        message:
          'Cannot start core: SECRET_KEY is missing in core/.env, run "helm config sync-all"',
      },
    ],
  );
  assert.equal(core.output().trim().split("\n").length, 1);
});

test("R25: PostgreSQL away at the start is 503, never memory, and mends itself", async (t) => {
  const postgres = await startTestPostgres(t, { own: true });
  await postgres.kill();
  const provider = await startTestProvider(t);
  const folder = copyCore(t, { ...env, KEYCLOAK_BACKEND_URL: provider.keycloak.backendUrl });
  const conf = updateConf("", { database: { connection_string: postgres.url } });
  writeFileSync(join(folder, "instance", "core.conf"), conf);
  const core = run(t, folder);
  const url = await core.listening();

  const access_token = provider.giveAccessToken({ sub: "ada-sub" });
  const exchange = () => post(url, "/api/token/exchange", { access_token });
  const away = await exchange();
  assert.equal(away.status, 503);
  assert.ok(Number(away.headers.get("retry-after")) > 0);
  assert.equal((await fetch(new URL("/health", url))).status, 503);
  assert.equal(core.process.exitCode, null);

  await postgres.restart();
  await waitFor(async () => (await fetch(new URL("/health", url))).ok);
  const { token } = (await (await exchange()).json()) as { token: string };
  assert.equal((await post(url, "/api/token/validate", { token })).status, 200);
  assert.doesNotMatch(core.output(), /kept in memory/);
});

test("kill -9 during a sign-out loses no revoke that was acknowledged", async (t) => {
  const postgres = await startTestPostgres(t, { own: true });
  const provider = await startTestProvider(t);
  const folder = copyCore(t, { ...env, KEYCLOAK_BACKEND_URL: provider.keycloak.backendUrl });
  const conf = updateConf("", { database: { connection_string: postgres.url } });
  writeFileSync(join(folder, "instance", "core.conf"), conf);

  const core = run(t, folder);
  const url = await core.listening();
  const access_token = provider.giveAccessToken({ sub: ada.sub });
  const tokens: string[] = [];
  for (let i = 0; i < 20; i++) {
    const response = await post(url, "/api/token/exchange", { access_token });
    tokens.push(((await response.json()) as { token: string }).token);
  }
  const acknowledged: string[] = [];
  const revokes = tokens.map(async (token, index) => {
    const response = await post(url, "/api/token/revoke", { token });
    if (response.ok) acknowledged.push(token);
    if (index === 5) core.process.kill("SIGKILL");
  });
  await Promise.allSettled(revokes);
  await core.exited;
  assert.ok(acknowledged.length > 0);

  const next = run(t, folder);
  const nextUrl = await next.listening();
  for (const token of acknowledged) {
    assert.equal((await post(nextUrl, "/api/token/validate", { token })).status, 401);
  }
});
