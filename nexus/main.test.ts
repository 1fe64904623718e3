import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { findFreePort } from "@hivematrix/lib/postgres_testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { request } from "undici";

const root = dirname(import.meta.dirname);

/** Runs main.ts as the supervisor does, in a copy of the folder that has no settings of its own. */
function startProcess(t: { after(f: () => unknown): void }, env: Record<string, string>) {
  const checkout = mkdtempSync(join(tmpdir(), "hivematrix-nexus-main-"));
  t.after(() => rmSync(checkout, { recursive: true, force: true, maxRetries: 20 }));
  const isSource = (path: string) => !/\/(?:instance|\.env|services\.json)$/.test(path);
  for (const name of ["nexus", "core", "lib", "package.json", "tsconfig.json"]) {
    cpSync(join(root, name), join(checkout, name), { recursive: true, filter: isSource });
  }
  symlinkSync(join(root, "node_modules"), join(checkout, "node_modules"));
  const folder = join(checkout, "nexus");
  writeFileSync(join(folder, "services.json"), "{}");
  const child = spawn(process.execPath, ["--import", "tsx", "main.ts"], {
    cwd: folder,
    env: { PATH: process.env["PATH"], ...env },
  });
  t.after(() => child.kill("SIGKILL"));
  const exited = once(child, "close");
  const lines: string[] = [];
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => lines.push(chunk));
  return { child, exited, output: () => lines.join(""), errors: text(child.stderr) };
}

async function settings(): Promise<Record<string, string>> {
  const port = String(await findFreePort());
  return {
    SERVICE_NAME: "nexus",
    PORT: port,
    NEXUS_SERVICE_URL: `http://127.0.0.1:${port}`,
    CORE_SERVICE_URL: "http://127.0.0.1:1",
    KEYCLOAK_SERVER_URL: `http://127.0.0.1:${port}/keycloak`,
    KEYCLOAK_BACKEND_URL: "http://127.0.0.1:1",
    KEYCLOAK_REALM: "hivematrix",
    KEYCLOAK_CLIENT_ID: "core-client",
    KEYCLOAK_CLIENT_SECRET: "the-client-secret",
    SECRET_KEY: "the-secret-key",
    SERVICE_SECRET: "the-service-secret",
  };
}

test("Nexus starts without Core, is healthy, says where it is, and ends cleanly", async (t) => {
  const env = await settings();
  const { child, exited, output } = startProcess(t, env);
  const origin = env["NEXUS_SERVICE_URL"] ?? "";
  await waitFor(() => output().includes("plain HTTP"), { timeoutMs: 30_000 });
  assert.match(output(), /"listening"/);
  assert.ok(output().includes(origin));
  assert.equal((await fetch(`${origin}/health`)).status, 200);
  // Not fetch, which says that it is a script: the sign-in begins for a person.
  const login = await request(`${origin}/login`);
  await login.body.dump();
  assert.equal(login.statusCode, 302);
  child.kill("SIGTERM");
  assert.deepEqual(await exited, [0, null]);
  assert.match(output(), /"stopped"/);
  assert.doesNotMatch(output(), /the-client-secret|the-secret-key|the-service-secret/);
});

test("a setting that is missing or wrong ends the start with one line that says how to mend it", async (t) => {
  const good = await settings();
  for (const [key, value, expected] of [
    ["SECRET_KEY", "", /SECRET_KEY is missing .*helm config sync-all/],
    ["NEXUS_SERVICE_URL", "localhost", /NEXUS_SERVICE_URL is \\"localhost\\".*helm config set/],
    ["TLS_CERT_FILE", "/nowhere.pem", /NEXUS_SERVICE_URL|TLS_CERT_FILE/],
  ] as const) {
    const { exited, output, errors } = startProcess(t, { ...good, [key]: value });
    assert.deepEqual(await exited, [1, null], key);
    const lines = output().trim().split("\n");
    assert.equal(lines.length, 1, output());
    assert.match(lines[0] ?? "", expected);
    assert.doesNotMatch(lines[0] ?? "", /\\n\s+at /);
    assert.equal(await errors, "");
  }
});

test("a certificate that is not there, or none, is named with the reason", async (t) => {
  const env = { ...(await settings()), NEXUS_SERVICE_URL: "https://hive.example.org" };
  for (const [file, reason] of [
    ["/nowhere/cert.pem", /TLS_CERT_FILE.*ENOENT.*helm config set/],
    [import.meta.filename, /TLS_CERT_FILE.*PEM.*helm config set/],
  ] as const) {
    const files = { TLS_CERT_FILE: file, TLS_KEY_FILE: file };
    const { exited, output } = startProcess(t, { ...env, ...files });
    assert.deepEqual(await exited, [1, null]);
    assert.match(output(), reason);
    assert.equal(output().trim().split("\n").length, 1);
  }
});
