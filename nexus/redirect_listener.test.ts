import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { closeServer } from "@hivematrix/lib/close_server";
import { sendRaw } from "@hivematrix/lib/raw_http_testing";
import { listen } from "@hivematrix/lib/serve";
import { createTestLog, type TestScope } from "@hivematrix/lib/testing";
import { readNexusSettings } from "./nexus_settings.ts";
import { processSettings } from "./process_testing.ts";
import { createRedirectServer, listenForRedirects } from "./redirect_listener.ts";

/** Not this one, which may have settings of its own. */
const emptyFolder = join(import.meta.dirname, "views");
const publicUrl = "https://hive.example.org:3443";

test("plain HTTP leads to the same page of the public address, whatever the method and port", async (t) => {
  const url = await startRedirects(t);
  for (const [line, host, location] of [
    ["GET /", "hive.example.org", `${publicUrl}/`],
    [
      "GET /template/a%20b?c=d&e=%2F",
      "hive.example.org:8000",
      `${publicUrl}/template/a%20b?c=d&e=%2F`,
    ],
    ["POST /login", "HIVE.example.org:80", `${publicUrl}/login`],
    ["GET http://hive.example.org/x", "hive.example.org", `${publicUrl}/x`],
    ["GET /?next=//evil.example", "hive.example.org", `${publicUrl}/?next=//evil.example`],
  ] as const) {
    const answer = await sendRaw(url, [`${line} HTTP/1.1`, `Host: ${host}`]);
    assert.match(answer, /^HTTP\/1\.1 308 /, line);
    assert.equal(/^location: (.*)\r$/im.exec(answer)?.[1], location);
    assert.doesNotMatch(answer, /set-cookie|strict-transport-security/i);
    assert.match(answer, /^connection: close\r$/im);
  }
});

test("R4: nothing that plain HTTP is asked leads to another site", async (t) => {
  const url = await startRedirects(t);
  for (const [lines, status] of [
    [["GET / HTTP/1.1", "Host: evil.example"], 421],
    [["GET / HTTP/1.1", "Host: hive.example.org.evil.example"], 421],
    [["GET / HTTP/1.1", "Host: evil.example@hive.example.org"], 421],
    [["GET / HTTP/1.1", "Host: hive.example.org", "Host: evil.example"], 400],
    [["GET / HTTP/1.1"], 400],
    [["GET / HTTP/1.0"], 421],
    [["GET //evil.example/ HTTP/1.1", "Host: hive.example.org"], 400],
    [["GET /\\evil.example HTTP/1.1", "Host: hive.example.org"], 400],
    [["GET http://evil.example/ HTTP/1.1", "Host: hive.example.org"], 400],
    [["GET http://evil.example/ HTTP/1.1", "Host: evil.example"], 421],
    [["GET .evil.example/ HTTP/1.1", "Host: hive.example.org"], 400],
    [["GET @evil.example/ HTTP/1.1", "Host: hive.example.org"], 400],
    [["TRACE / HTTP/1.1", "Host: hive.example.org"], 405],
    [[`GET /${"x".repeat(17_000)} HTTP/1.1`, "Host: hive.example.org"], 414],
  ] as const) {
    const answer = await sendRaw(url, lines);
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), lines.join(" | ").slice(0, 80));
    assert.doesNotMatch(answer, /^location:/im);
  }
});

test("a port that is taken is one warning, and none is no warning", async (t) => {
  const other = createServer();
  await listen(other, { port: 0, hostname: "127.0.0.1", service: "other" });
  t.after(() => closeServer(other));
  const { port } = other.address() as AddressInfo;
  const log = createTestLog("nexus");
  const settings = await secureSettings({ REDIRECT_PORT: String(port) });
  assert.equal(await listenForRedirects(settings, log), undefined);
  assert.equal(log.lines.length, 1);
  const { level, reason, remedy } = JSON.parse(log.lines[0] ?? "");
  assert.deepEqual([level, reason], ["warn", `port ${port} is taken`]);
  assert.match(remedy, /helm config set apps\.nexus\.redirect_port/);
  assert.equal(await listenForRedirects(await secureSettings({}), log), undefined);
  assert.equal(
    await listenForRedirects(await secureSettings({ REDIRECT_PORT: "0" }), log),
    undefined,
  );
  assert.equal(log.lines.length, 1);
});

test("without TLS there is nothing to redirect to, and a wrong port is named", async () => {
  const env = { ...(await processSettings()), REDIRECT_PORT: "8000" };
  assert.equal(readNexusSettings(emptyFolder, env).redirectPort, 0);
  assert.equal((await secureSettings({ REDIRECT_PORT: "8000" })).redirectPort, 8000);
  for (const wrong of ["x", "-1", "65536", "80.5"])
    await assert.rejects(secureSettings({ REDIRECT_PORT: wrong }), /REDIRECT_PORT is ".*port/);
});

async function secureSettings(more: Record<string, string>) {
  const env = { ...(await processSettings()), NEXUS_SERVICE_URL: publicUrl, ...more };
  return readNexusSettings(emptyFolder, env);
}

async function startRedirects(t: TestScope): Promise<URL> {
  const server: Server = createRedirectServer({ NEXUS_SERVICE_URL: publicUrl });
  await listen(server, { port: 0, hostname: "127.0.0.1", service: "nexus" });
  t.after(() => closeServer(server, { drainTimeoutMs: 0 }));
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}
