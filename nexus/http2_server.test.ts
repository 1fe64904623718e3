import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { constants } from "node:http2";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { closeServer } from "@hivematrix/lib/close_server";
import { listen } from "@hivematrix/lib/serve";
import type { TestScope } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { WebSocket, WebSocketServer } from "ws";
import { connectFrames, flags, requestHead } from "./http2_frames_testing.ts";
import { answerOf, connectHttp2, startHttp2 } from "./http2_testing.ts";
import { createServer } from "./listener.ts";
import { startNexus } from "./testing.ts";

const get = flags.endHeaders | flags.endStream;

test("who does not ask for HTTP/2 gets HTTP/1.1, and who asks for neither gets nothing", async (t) => {
  const { origin, url } = await startNexus(t, { isSecure: true });
  const speak = async (protocols: string[] | undefined) => {
    const options = { host: url.hostname, port: Number(url.port), rejectUnauthorized: false };
    const socket = connectTls({
      ...options,
      ...(protocols === undefined ? {} : { ALPNProtocols: protocols }),
    });
    t.after(() => socket.destroy());
    await once(socket, "secureConnect");
    return socket.alpnProtocol;
  };
  assert.equal(await speak(["h2", "http/1.1"]), "h2");
  assert.equal(await speak(["http/1.1"]), "http/1.1");
  assert.equal(await speak(undefined), false);
  await assert.rejects(speak(["spdy/3"]), /alert|ALPN|application protocol/i);
  assert.match(origin, /^https:/);
});

test("WebSockets stay on HTTP/1.1 and work over the same port", async (t) => {
  const echo = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  t.after(() => echo.close());
  await once(echo, "listening");
  echo.on("connection", (socket) => socket.on("message", (message) => socket.send(message)));
  const { port } = echo.address() as AddressInfo;
  const services = { echo: { url: `http://127.0.0.1:${port}` } };
  const { nexus, authorization } = await startHttp2(t, { services });
  const client = new WebSocket(`wss://${nexus.url.host}/echo/`, {
    rejectUnauthorized: false,
    headers: { authorization },
  });
  t.after(() => client.terminate());
  await once(client, "open");
  client.send("hello");
  const [message] = await once(client, "message");
  assert.equal(String(message), "hello");
});

test("what is under way on HTTP/2 is finished on close, and nothing new is begun", async (t) => {
  const { server, origin } = await startListener(t);
  const finish: (() => void)[] = [];
  server.on("request", (incoming, outgoing) => {
    if (incoming.url === "/at-once") outgoing.end("at once");
    else finish.push(() => outgoing.end("finished"));
  });
  const { session, send, begin } = await connectHttp2(t, origin);
  await send({ ":path": "/at-once" });
  const late = begin({ ":path": "/late" });
  await waitFor(() => finish.length === 1);
  const idle = await connectHttp2(t, origin);
  const goaway = once(session, "goaway");
  const closed = closeServer(server);
  await Promise.all([goaway, once(idle.session, "close")]);
  assert.throws(() => begin({ ":path": "/at-once" }), /GOAWAY|session/);
  finish[0]?.();
  const { status, body } = await answerOf(late);
  assert.deepEqual([status, body.toString()], [200, "finished"]);
  await closed;
});

test("a client learns which of its requests are still answered on close", async (t) => {
  const { server, origin } = await startListener(t);
  const under: (() => void)[] = [];
  server.on("request", (_incoming, outgoing) => under.push(() => outgoing.end("answered")));
  const client = await connectFrames(t, new URL(origin));
  client.send("headers", 1, get, requestHead(new URL(origin), "/"));
  await waitFor(() => under.length === 1);
  const closed = closeServer(server);
  const { payload } = await client.waitForFrame("goaway");
  assert.equal(payload.readUInt32BE(0), 1);
  assert.equal(payload.readUInt32BE(4), constants.NGHTTP2_NO_ERROR);
  client.send("headers", 3, get, requestHead(new URL(origin), "/"));
  under[0]?.();
  const { payload: content } = await client.waitForFrame("data", 1);
  assert.equal(content.toString(), "answered");
  await closed;
  assert.equal(under.length, 1);
});

test("clients that hear or read nothing do not hold up the close", async (t) => {
  const { server, origin } = await startListener(t);
  server.on("request", (_incoming, outgoing) => outgoing.end(randomBytes(3_000_000)));
  const deaf = await connectFrames(t, new URL(origin));
  const slow = await connectFrames(t, new URL(origin));
  slow.send("headers", 1, get, requestHead(new URL(origin), "/"));
  await slow.waitForFrame("data", 1);
  slow.pause();
  deaf.pause();
  await closeServer(server, { drainTimeoutMs: 200 });
  assert.equal(server.listening, false);
});

test("an answer is sent at the client's pace, and an upload is read at the service's", async (t) => {
  const { nexus, begin } = await startHttp2(t);
  const chunk = Buffer.alloc(64 * 1024);
  let sent = 0;
  nexus.upstream.answer(async (_incoming, outgoing) => {
    while (!outgoing.destroyed && sent < 100_000_000) {
      sent += chunk.length;
      if (!outgoing.write(chunk))
        await waitFor(() => outgoing.destroyed || !outgoing.writableNeedDrain, {
          timeoutMs: 60_000,
        });
    }
  });
  const download = begin({ ":path": "/template/download" });
  await once(download, "response");
  // What is under way by then is in windows and socket buffers.
  const sentAhead = await settle(() => sent);
  assert.ok(sentAhead < 40_000_000, `${sentAhead} bytes sent to a client that does not read`);
  download.close(constants.NGHTTP2_CANCEL);

  let read = 0;
  let startReading = () => {};
  nexus.upstream.answer((incoming, outgoing) => {
    startReading = () => {
      incoming.on("data", (part: Buffer) => {
        read += part.length;
      });
      incoming.on("end", () => outgoing.end());
    };
  });
  const upload = begin({ ":path": "/template/upload", ":method": "POST" });
  for (let i = 0; i < 600; i++) upload.write(chunk);
  upload.end();
  const total = 600 * chunk.length;
  const taken = await settle(() => total - upload.writableLength);
  assert.ok(taken < 20_000_000, `${taken} bytes taken for a service that does not read`);
  startReading();
  assert.equal((await answerOf(upload)).status, 200);
  assert.equal(read, total);
});

/** The value once it has stopped to grow. */
async function settle(measure: () => number): Promise<number> {
  let before = -1;
  await waitFor(async () => {
    const isSame = measure() > 0 && measure() === before;
    before = measure();
    await sleep(300);
    return isSame;
  });
  return before;
}

async function startListener(t: TestScope) {
  const { settings, url } = await startNexus(t, { isSecure: true });
  const server = createServer(settings, () => {});
  server.removeAllListeners("request");
  await listen(server, { port: 0, hostname: "127.0.0.1", service: "nexus" });
  t.after(() => (server.listening ? closeServer(server, { drainTimeoutMs: 0 }) : undefined));
  const { port } = server.address() as AddressInfo;
  return { server, origin: `https://${url.hostname}:${port}` };
}
