// Clients that hold connections as long as they can: slow heads, slow bodies, answers not read.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { test } from "node:test";
import { connectRaw } from "@hivematrix/lib/raw_http_testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { startForwarding } from "./forward_testing.ts";
import { startNexus } from "./testing.ts";

const count = 100;

/** More than the sockets on the way hold, so that a client that reads nothing holds up the service. */
const large = randomBytes(8 * 1024 * 1024);

test("a few hundred slow clients keep nobody waiting, and none of them is served for that", async (t) => {
  // So patient that nobody is cut off while others are measured.
  const limits = { header_seconds: 3600, body_idle_seconds: 3600 };
  const { nexus, authorization, send } = await startForwarding(t, { limits });
  const sockets: Socket[] = [];
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  const open = async (i: number, lines: readonly string[]) => {
    const socket = await connectRaw(nexus.url, `127.0.2.${1 + (i % 250)}`);
    sockets.push(socket.on("error", () => {}));
    const head = [...lines, `Host: ${nexus.url.host}`, `Authorization: ${authorization}`];
    socket.write(head.join("\r\n"));
    return socket;
  };
  const atService = { bodies: 0, readers: 0 };
  nexus.upstream.answer((incoming, outgoing) => {
    if (incoming.url === "/slow-body") {
      atService.bodies++;
      incoming.resume().on("error", () => {});
    } else if (incoming.url === "/large") {
      atService.readers++;
      outgoing.end(large);
    } else outgoing.end("fast");
  });
  const measure = async () => {
    const times: number[] = [];
    for (let i = 0; i < 200; i++) {
      const startedAt = performance.now();
      const { answer, body } = await send("GET", "/template/fast");
      assert.deepEqual([answer.statusCode, body], [200, "fast"]);
      times.push(performance.now() - startedAt);
    }
    times.sort((a, b) => a - b);
    return { median: times[99] ?? 0, p99: times[197] ?? 0 };
  };

  await measure();
  const idle = await measure();
  const slowHeads: Socket[] = [];
  for (let i = 0; i < 3 * count; i++) slowHeads.push(await open(i, ["GET /template/ HTTP/1.1"]));
  for (let i = 0; i < count; i++) {
    const socket = await open(i, ["POST /template/slow-body HTTP/1.1", "Content-Length: 1000"]);
    socket.write("\r\n\r\nx");
  }
  for (let i = 0; i < count; i++) {
    const socket = await open(i, ["GET /template/large HTTP/1.1"]);
    socket.pause().write("\r\n\r\n");
  }
  await waitFor(() => atService.bodies === count && atService.readers === count);
  const drip = setInterval(() => {
    for (const socket of slowHeads) socket.write("\r\nX: y");
  }, 1000);
  t.after(() => clearInterval(drip));
  const busy = await measure();
  assert.equal(
    sockets.filter(({ destroyed }) => destroyed).length,
    0,
    "all of them are there still",
  );
  const shown = (name: string, { median, p99 }: typeof idle) =>
    `${name}: median ${median.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`;
  t.diagnostic(`${shown("idle", idle)}; ${shown(`${sockets.length} slow clients`, busy)}`);
  // What holds a machine that does other things too: nobody waits for a slow one to end.
  assert.ok(busy.p99 < 5000, shown("others", busy));
});

test("nobody without a session can keep others from signing in by sending slowly", async (t) => {
  const nexus = await startNexus(t);
  const sockets = await Promise.all(
    Array.from({ length: 3 * count }, async (_, i) => {
      const socket = await connectRaw(nexus.url, `127.0.2.${1 + (i % 250)}`);
      const head = ["POST /keycloak/realms/hivematrix/x HTTP/1.1", `Host: ${nexus.url.host}`];
      socket.on("error", () => {}).write(`${head.join("\r\n")}\r\nContent-Length: 1000\r\n\r\nx`);
      return socket;
    }),
  );
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  const browser = await nexus.signIn();
  assert.equal((await browser.request("/template/")).status, 200);
  assert.ok(
    sockets.every(({ destroyed }) => !destroyed),
    "all of them are there still",
  );
  const [first] = sockets;
  assert.ok(first);
  const answer = once(first, "data");
  first.write("y".repeat(999));
  assert.match(String(await answer), /^HTTP\/1\.1 200 /, "whoever ends at last is answered");
});
