import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type ConnectionOptions, connect } from "node:tls";
import { promisify } from "node:util";
import { closeServer } from "@hivematrix/lib/close_server";
import { listen } from "@hivematrix/lib/serve";
import type { TestScope } from "@hivematrix/lib/testing";
import { createServer } from "./listener.ts";
import { processSettings } from "./process_testing.ts";
import { makeCertificate } from "./testing.ts";

const skip = hasSslscan() ? false : "skipped: sslscan is missing, apt-get install sslscan";

/** Forward secrecy and authenticated encryption; of TLS 1.3 every suite has both. */
const goodSuite =
  /^(?:TLS_(?:AES|CHACHA20)_\w+|ECDHE-(?:ECDSA|RSA)-(?:AES(?:128|256)-GCM-SHA\d+|CHACHA20-POLY1305))$/;

for (const kind of ["ec", "rsa"] as const) {
  test(`R30: sslscan finds nothing to complain about (${kind} key)`, { skip }, async (t) => {
    const { port } = await startTls(t, kind);
    const words = ["--xml=-", "--no-colour", `127.0.0.1:${port}`];
    const { stdout: xml } = await promisify(execFile)("sslscan", words);
    const enabled = matchAll(xml, /<protocol type="(\w+)" version="([\d.]+)" enabled="1"/g);
    assert.deepEqual(enabled, ["tls 1.2", "tls 1.3"]);
    const suites = matchAll(
      xml,
      /<cipher status="\w+" sslversion="TLSv1\.\d" [^>]*cipher="([^"]+)"/g,
    );
    assert.ok(suites.length >= 6, xml);
    for (const suite of suites) assert.match(suite, goodSuite);
    assert.deepEqual(matchAll(xml, /<heartbleed [^>]*vulnerable="(1)"/g), []);
    assert.match(xml, /<renegotiation supported="0"/);
    assert.doesNotMatch(xml, /<compression supported="1"/);
    const groups = matchAll(xml, /<group [^>]*name="([^" ]+)/g);
    assert.deepEqual([...new Set(groups)].sort(), ["secp256r1", "secp384r1", "x25519"]);
  });
}

test("R30: old versions and suites are refused, current ones agreed on", async (t) => {
  const { port } = await startTls(t, "rsa");
  for (const version of ["TLSv1", "TLSv1.1"] as const) {
    const old = { minVersion: version, maxVersion: version, ciphers: "ALL:@SECLEVEL=0" };
    await assert.rejects(handshake(port, old), /version|protocol/i, version);
  }
  for (const ciphers of [
    "AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-SHA256",
    "DHE-RSA-AES128-GCM-SHA256",
  ])
    await assert.rejects(
      handshake(port, { maxVersion: "TLSv1.2", ciphers }),
      /handshake failure/,
      ciphers,
    );
  assert.equal(await handshake(port, {}), "TLSv1.3 TLS_AES_128_GCM_SHA256");
  const phone = {
    maxVersion: "TLSv1.2",
    ciphers: "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-GCM-SHA256",
  } as const;
  assert.equal(await handshake(port, phone), "TLSv1.2 ECDHE-RSA-CHACHA20-POLY1305");
});

async function startTls(t: TestScope, kind: "ec" | "rsa"): Promise<{ port: number }> {
  const folder = mkdtempSync(join(tmpdir(), "hivematrix-tls-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const files = makeCertificate(folder, { kind });
  const settings = await processSettings();
  const server = createServer({ ...settings, ...files } as never, (_incoming, outgoing) =>
    outgoing.end(),
  );
  await listen(server, { port: 0, hostname: "127.0.0.1", service: "nexus" });
  t.after(() => closeServer(server, { drainTimeoutMs: 0 }));
  return { port: (server.address() as AddressInfo).port };
}

async function handshake(port: number, options: ConnectionOptions): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false, ...options });
  try {
    await once(socket, "secureConnect");
    return `${socket.getProtocol()} ${socket.getCipher().name}`;
  } finally {
    socket.destroy();
  }
}

function matchAll(xml: string, pattern: RegExp): string[] {
  return [...xml.matchAll(pattern)].map((match) => match.slice(1).join(" "));
}

function hasSslscan(): boolean {
  try {
    execFileSync("sslscan", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
