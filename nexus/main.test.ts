import assert from "node:assert/strict";
import { test } from "node:test";
import { waitFor } from "@hivematrix/lib/wait_for";
import { request } from "undici";
import { processSettings, startNexusProcess } from "./process_testing.ts";

test("Nexus starts without Core, is healthy, says where it is, and ends cleanly", async (t) => {
  const env = await processSettings();
  const { child, exited, output } = startNexusProcess(t, env);
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
  const good = await processSettings();
  for (const [key, value, expected] of [
    ["SECRET_KEY", "", /SECRET_KEY is missing .*helm config sync-all/],
    ["NEXUS_SERVICE_URL", "localhost", /NEXUS_SERVICE_URL is \\"localhost\\".*helm config set/],
    ["TLS_CERT_FILE", "/nowhere.pem", /NEXUS_SERVICE_URL|TLS_CERT_FILE/],
  ] as const) {
    const { exited, output, errors } = startNexusProcess(t, { ...good, [key]: value });
    assert.deepEqual(await exited, [1, null], key);
    const lines = output().trim().split("\n");
    assert.equal(lines.length, 1, output());
    assert.match(lines[0] ?? "", expected);
    assert.doesNotMatch(lines[0] ?? "", /\\n\s+at /);
    assert.equal(await errors, "");
  }
});

test("a certificate that is not there, or none, is named with the reason", async (t) => {
  const env = { ...(await processSettings()), NEXUS_SERVICE_URL: "https://hive.example.org" };
  for (const [file, reason] of [
    ["/nowhere/cert.pem", /TLS_CERT_FILE.*ENOENT.*helm config set/],
    [import.meta.filename, /TLS_CERT_FILE.*PEM.*helm config set/],
  ] as const) {
    const files = { TLS_CERT_FILE: file, TLS_KEY_FILE: file };
    const { exited, output } = startNexusProcess(t, { ...env, ...files });
    assert.deepEqual(await exited, [1, null]);
    assert.match(output(), reason);
    assert.equal(output().trim().split("\n").length, 1);
  }
});
