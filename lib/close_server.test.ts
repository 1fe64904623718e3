import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { type ClientHttp2Session, connect as connectHttp2, createSecureServer } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { closeServer, followConnections } from "./close_server.ts";
import { connectRaw } from "./raw_http_testing.ts";
import { defer, host } from "./serve_testing.ts";
import type { TestScope } from "./testing.ts";
import { waitFor } from "./wait_for.ts";

/** Long enough for a slow machine, and short enough to wait for. */
const lingerMs = 300;

async function start(t: TestScope, server: Server): Promise<URL> {
  followConnections(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => closeServer(server, { drainTimeoutMs: 0 }));
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
}

/** A kept connection that has had one answer, and all that comes on it. */
async function connectKept(url: URL): Promise<{ socket: Socket; received: () => string }> {
  const socket = await connectRaw(url);
  let received = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => {
    received += chunk;
  });
  socket.write(`GET /first HTTP/1.1\r\n${host}\r\n\r\n`);
  await waitFor(() => received.includes("/first"));
  return { socket, received: () => received };
}

const echoPath: RequestListener = ({ url }, outgoing) => outgoing.end(url);

test("a kept connection's request that comes when the server closes is answered, and the last one", async (t) => {
  const server = createServer(echoPath);
  const { socket, received } = await connectKept(await start(t, server));
  const closed = closeServer(server, { lingerMs });
  socket.write(`GET /second HTTP/1.1\r\n${host}\r\n\r\n`);
  await once(socket, "close");
  assert.match(received(), /Connection: close\r\n[\s\S]*\/second$/);
  await closed;
});

test("who was promised a kept connection before the close may still use it", async (t) => {
  const go = defer();
  const server = createServer(async ({ url }, outgoing) => {
    outgoing.write(url ?? "");
    if (url === "/first") await go.promise;
    outgoing.end();
  });
  const { socket, received } = await connectKept(await start(t, server));
  assert.match(received(), /Connection: keep-alive/);
  const closed = closeServer(server, { lingerMs });
  await sleep(lingerMs + 100);
  go.resolve();
  await waitFor(() => received().endsWith("0\r\n\r\n"));
  socket.write(`GET /second HTTP/1.1\r\n${host}\r\n\r\n`);
  await once(socket, "close");
  assert.match(received(), /Connection: close\r\n[\s\S]*\/second/);
  await closed;
});

test("a request that has arrived in part when the server closes is read to its end", async (t) => {
  const server = createServer(echoPath);
  const { socket, received } = await connectKept(await start(t, server));
  const reading = once(
    server.on("connection", () => {}),
    "connection",
  );
  const fresh = await connectRaw(await urlOf(server));
  const [accepted] = (await reading) as [Socket];
  for (const each of [socket, fresh]) each.write("GET /second HTT");
  await waitFor(() => accepted.bytesRead > 0);
  const closed = closeServer(server, { lingerMs });
  await sleep(lingerMs + 100);
  const answer = text(fresh);
  for (const each of [socket, fresh]) each.write(`P/1.1\r\n${host}\r\n\r\n`);
  assert.match(await answer, /\/second$/);
  await closed;
  assert.match(received(), /\/second$/);
});

test("a kept connection that asks nothing is closed when it has had its time", async (t) => {
  const server = createServer(echoPath);
  const { socket } = await connectKept(await start(t, server));
  const startedAt = performance.now();
  await Promise.all([closeServer(server, { lingerMs }), once(socket, "close")]);
  const tookMs = performance.now() - startedAt;
  assert.ok(tookMs >= lingerMs && tookMs < 4000, `${tookMs} ms`);
});

test("without connections closing takes no time", async (t) => {
  const server = createServer(echoPath);
  await start(t, server);
  const startedAt = performance.now();
  await closeServer(server, { lingerMs: 60_000 });
  assert.ok(performance.now() - startedAt < 1000);
});

test("with TLS: streams under way end well, new ones are refused, handshakes hold nothing up", async (t) => {
  const go = defer();
  const { server, url } = await startSecure(t, async ({ url: path }, outgoing) => {
    outgoing.write(`${path} begins, `);
    if (path === "/slow") await go.promise;
    outgoing.end("ends");
  });
  const silent = await connectRaw(url);
  silent.on("error", () => {}).resume();
  const session = connectHttp2(new URL(`https://${url.host}`), { rejectUnauthorized: false });
  t.after(() => session.destroy());
  const slow = session.request({ ":path": "/slow" });
  await once(slow, "response");
  const goneAway = once(session, "goaway");
  const closed = closeServer(server, { lingerMs: 20 });
  await goneAway;
  await assert.rejects(ask(session, "/new"));
  // Longer than kept connections are let live.
  await sleep(100);
  go.resolve();
  assert.equal(await text(slow), "/slow begins, ends");
  await Promise.all([closed, once(silent, "close")]);
});

async function ask(session: ClientHttp2Session, path: string): Promise<string> {
  return await text(session.request({ ":path": path }));
}

async function urlOf(server: Server): Promise<URL> {
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
}

/** HTTP/2 and HTTP/1.1 on one port. */
async function startSecure(t: TestScope, listener: RequestListener) {
  const folder = mkdtempSync(join(tmpdir(), "hivematrix-close-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
  const files = ["-nodes", "-subj", "/CN=test", "-keyout", key, "-out", cert];
  execFileSync("openssl", [...words, ...files], { stdio: "ignore" });
  const pair = { cert: readFileSync(cert), key: readFileSync(key) };
  const server = createSecureServer({ ...pair, allowHTTP1: true }, listener as never);
  // The part of node:http's server that closing needs, it has too.
  return { server: server as unknown as Server, url: await start(t, server as unknown as Server) };
}
