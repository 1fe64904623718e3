import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { updateConf } from "@hivematrix/lib/conf_file";
import { formatEnv } from "@hivematrix/lib/env_file";
import { startTestPostgres } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { ada } from "./session_store_testing.ts";
import { startTestProvider } from "./testing_provider.ts";

// The entry reads its own folder, which in an installation holds real settings and keys. So each
// test runs a copy of it, in a folder laid out like a checkout.

const env = {
  SERVICE_NAME: "core",
  PORT: "0",
  SECRET_KEY: "a secret key",
  KEYCLOAK_BACKEND_URL: "http://127.0.0.1:9",
  KEYCLOAK_REALM: "hivematrix",
  KEYCLOAK_CLIENT_ID: "core-client",
  KEYCLOAK_CLIENT_SECRET: "c",
};

function copyCore(t: TestContext, settings: Record<string, string> = env): string {
  const root = mkdtempSync(join(tmpdir(), "hivematrix-main-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  symlinkSync(join(import.meta.dirname, "..", "node_modules"), join(root, "node_modules"));
  writeFileSync(join(root, "package.json"), '{"type":"module"}');
  const folder = join(root, "core");
  mkdirSync(join(folder, "instance"), { recursive: true });
  for (const name of readdirSync(import.meta.dirname)) {
    const isSource = /\.(ts|sql)$/.test(name) && !name.endsWith(".test.ts");
    if (isSource) cpSync(join(import.meta.dirname, name), join(folder, name));
  }
  writeFileSync(join(folder, ".env"), formatEnv(settings));
  return folder;
}

interface Line {
  readonly level: string;
  readonly message: string;
  readonly url?: string;
  readonly kid?: string;
}

interface RunningCore {
  readonly process: ChildProcess;
  readonly output: () => string;
  readonly lines: () => Line[];
  /** Resolves once it listens. */
  listening(): Promise<string>;
  readonly exited: Promise<unknown[]>;
}

function run(t: TestContext, folder: string, cwd = folder): RunningCore {
  const entry = join(folder, "main.ts");
  const child = spawn(process.execPath, ["--import", "tsx", entry], {
    cwd,
    env: { PATH: process.env["PATH"] },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = once(child, "exit");
  t.after(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  child.stderr.on("data", (chunk) => {
    output += chunk;
  });
  const lines = () =>
    output
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Line);
  const listening = async () => {
    const found = await waitFor(
      () => lines().find(({ message }) => message === "listening") ?? child.exitCode !== null,
      { timeoutMs: 30_000, what: "Core to listen" },
    );
    assert.ok(typeof found === "object", output);
    return found.url ?? "";
  };
  return { process: child, output: () => output, lines, listening, exited };
}

const post = (url: string, path: string, body: object) =>
  fetch(new URL(path, url), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });

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
