import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "node:tls";
import { processSettings, startNexusProcess } from "./process_testing.ts";
import { makeCertificate } from "./testing.ts";

test("a TLS session is resumed by whichever process a browser comes to", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "hivematrix-tickets-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const settings = await processSettings();
  const nexus = startNexusProcess(t, {
    ...settings,
    ...makeCertificate(folder),
    NEXUS_SERVICE_URL: `https://127.0.0.1:${settings["PORT"]}`,
    PROCESSES: "2",
  });
  await nexus.listening();

  const open = (session?: Buffer) =>
    connect({
      port: Number(settings["PORT"]),
      rejectUnauthorized: false,
      ALPNProtocols: ["http/1.1"],
      ...(session && { session }),
    }).resume();
  const first = open();
  // In TLS 1.3 the ticket comes after the handshake (RFC 8446 §4.6.1).
  const [ticket] = (await once(first, "session")) as [Buffer];
  assert.equal(first.isSessionReused(), false);
  first.destroy();
  // Connections go to the processes in turn.
  for (let i = 1; i <= 6; i++) {
    const next = open(ticket);
    await once(next, "secureConnect");
    assert.equal(next.isSessionReused(), true, `connection ${i}`);
    next.destroy();
  }
});
