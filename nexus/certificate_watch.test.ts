import assert from "node:assert/strict";
import { once } from "node:events";
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "node:tls";
import { closeServer } from "@hivematrix/lib/close_server";
import { listen } from "@hivematrix/lib/serve";
import { createTestLog, type TestScope } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { CertificateWatch } from "./certificate_watch.ts";
import { connectHttp2 } from "./http2_testing.ts";
import { createServer, useCertificate } from "./listener.ts";
import { processSettings, startNexusProcess } from "./process_testing.ts";
import { makeCertificate, startNexus } from "./testing.ts";

const dayMs = 24 * 60 * 60 * 1000;

test("a new certificate is served to whoever connects, and what is open goes on", async (t) => {
  const { folder, server, origin, log, port } = await startWatched(t);
  server.removeAllListeners("request");
  let finish = () => {};
  server.on("request", (_incoming, outgoing) => {
    outgoing.write("first, ");
    finish = () => outgoing.end("last");
  });
  const { begin } = await connectHttp2(t, origin);
  const stream = begin({ ":path": "/" });
  await once(stream, "response");
  assert.equal(await servedName(port), "first.test");

  replace(folder, "second.test");
  await waitFor(async () => (await servedName(port)) === "second.test");
  finish();
  let body = "";
  for await (const chunk of stream) body += chunk;
  assert.equal(body, "first, last");
  const lines = log.lines
    .map((line) => JSON.parse(line))
    .filter(({ message }) => message === "certificate in use");
  assert.deepEqual(
    lines.map(({ names }) => names),
    ["DNS:first.test, IP Address:127.0.0.1", "DNS:second.test, IP Address:127.0.0.1"],
  );
  assert.match(lines[1].ends_at, /^\d{4}-/);
});

test("a link that leads to other files is noticed, as Let's Encrypt moves them", async (t) => {
  const { folder, port } = await startWatched(t, { isLinked: true });
  const next = join(folder, "archive2");
  mkdirSync(next);
  makeCertificate(next, { name: "second.test" });
  for (const file of ["key.pem", "cert.pem"]) {
    symlinkSync(join(next, file), join(folder, `${file}.new`));
    renameSync(join(folder, `${file}.new`), join(folder, file));
  }
  await waitFor(async () => (await servedName(port)) === "second.test");
});

test("what cannot be used is refused with one line that names the file, and the old one kept", async (t) => {
  const { folder, port, log } = await startWatched(t);
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const other = join(folder, "other");
  mkdirSync(other);
  makeCertificate(other, { name: "second.test" });
  const complaints = () =>
    log.lines.map((line) => JSON.parse(line)).filter(({ level }) => level === "error");
  for (const [spoil, reason] of [
    [() => copyFileSync(join(other, "cert.pem"), cert), `${key} is not the key of the certificate`],
    [() => truncateSync(cert, 100), `${cert} holds no certificate`],
    [() => writeFileSync(key, "nonsense"), `${cert} holds no certificate`],
    [() => copyFileSync(join(other, "cert.pem"), cert), `${key} holds no private key`],
    [() => rmSync(key), `${key} cannot be read (ENOENT)`],
  ] as const) {
    const before = complaints().length;
    spoil();
    await waitFor(() => complaints().length > before, { what: reason });
    assert.ok(complaints().at(-1).reason.startsWith(reason), complaints().at(-1).reason);
    assert.equal(complaints().at(-1).kept.names, "DNS:first.test, IP Address:127.0.0.1");
    assert.equal(complaints().length, before + 1);
    assert.equal(await servedName(port), "first.test");
  }
  copyFileSync(join(other, "key.pem"), key);
  await waitFor(async () => (await servedName(port)) === "second.test");
  // A chain that breaks in the middle is no better than a certificate that does.
  appendFileSync(cert, "-----BEGIN CERTIFICATE-----\nbroken\n-----END CERTIFICATE-----\n");
  await waitFor(() => complaints().at(-1).reason.includes("usable"));
});

test("a certificate that ends within two weeks is a warning every day", async (t) => {
  const folder = makeFolder(t);
  const { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile } = makeCertificate(folder, { days: 20 });
  const log = createTestLog("nexus");
  let now = Date.now();
  const watch = new CertificateWatch({ certFile, keyFile }, { log, pollMs: 5, now: () => now });
  t.after(() => watch.close());
  const warnings = () =>
    log.lines.map((line) => JSON.parse(line)).filter(({ level }) => level === "warn");
  const looks = () => new Promise((resolve) => setTimeout(resolve, 50));
  await looks();
  assert.equal(warnings().length, 0);
  for (const [days, count, message] of [
    [6.5, 1, "the certificate ends soon"],
    [7, 1, "the certificate ends soon"],
    [7.6, 2, "the certificate ends soon"],
    [21, 3, "the certificate has ended"],
  ] as const) {
    now = Date.now() + days * dayMs;
    await waitFor(() => warnings().length >= count);
    await looks();
    assert.equal(warnings().length, count, `after ${days} days`);
    assert.equal(warnings().at(-1).message, message);
    assert.equal(warnings().at(-1).certFile, certFile);
  }
});

test("SIGHUP has all processes of a gateway take the new certificate at once", async (t) => {
  const folder = makeFolder(t);
  const env = await processSettings();
  const nexus = startNexusProcess(t, {
    ...env,
    ...makeCertificate(folder, { name: "first.test" }),
    NEXUS_SERVICE_URL: `https://localhost:${env["PORT"]}`,
    PROCESSES: "2",
  });
  await nexus.listening();
  const port = Number(env["PORT"]);
  assert.equal(await servedName(port), "first.test");
  replace(folder, "second.test");
  nexus.child.kill("SIGHUP");
  await waitFor(async () => {
    const names = [await servedName(port), await servedName(port), await servedName(port)];
    return names.every((name) => name === "second.test");
  });
  // A line of the log may come a moment later than what it tells of.
  const said = () => nexus.lines().filter(({ message }) => message === "certificate in use").length;
  await waitFor(() => said() >= 2, { what: "the line about the second certificate" });
  assert.equal(said(), 2, nexus.output());
});

function makeFolder(t: TestScope): string {
  const folder = mkdtempSync(join(tmpdir(), "hivematrix-certificate-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A TLS server whose certificate is watched closely. */
async function startWatched(t: TestScope, { isLinked = false } = {}) {
  const folder = makeFolder(t);
  if (isLinked) {
    mkdirSync(join(folder, "archive1"));
    makeCertificate(join(folder, "archive1"), { name: "first.test" });
    for (const file of ["key.pem", "cert.pem"])
      symlinkSync(join(folder, "archive1", file), join(folder, file));
  } else makeCertificate(folder, { name: "first.test" });
  const files = { certFile: join(folder, "cert.pem"), keyFile: join(folder, "key.pem") };
  const { settings } = await startNexus(t);
  const tls = { TLS_CERT_FILE: files.certFile, TLS_KEY_FILE: files.keyFile };
  const server = createServer({ ...settings, ...tls }, () => {});
  const log = createTestLog("nexus");
  const use = (next: Parameters<typeof useCertificate>[1]) => useCertificate(server, next);
  const watch = new CertificateWatch(files, { log, use, pollMs: 20 });
  t.after(() => watch.close());
  await listen(server, { port: 0, hostname: "127.0.0.1", service: "nexus" });
  t.after(() => closeServer(server, { drainTimeoutMs: 0 }));
  const { port } = server.address() as AddressInfo;
  return { folder, server, log, port, origin: `https://127.0.0.1:${port}` };
}

/** Both files renamed to where the old ones were, the key first. */
function replace(folder: string, name: string): void {
  const next = mkdtempSync(join(folder, "next-"));
  makeCertificate(next, { name });
  for (const file of ["key.pem", "cert.pem"]) renameSync(join(next, file), join(folder, file));
}

async function servedName(port: number): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}
