// Services and clients that are slow, half there or gone in the middle: everything ends in bounded time.
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import type { TestScope } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { answerOf, open, startForwarding } from "./forward_testing.ts";

const soon = { connect: 500, head: 1000, idle: 1000 };

/** A gateway before a service that does nothing but what the test does with its sockets. */
async function startIdle(scope: TestScope, onSocket: (socket: Socket) => unknown) {
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket.on("error", () => {}));
    onSocket(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const services = { slow: { url } };
  return { sockets, ...(await startForwarding(scope, { services, timeoutsMs: soon })) };
}

test("a service that sends its head byte by byte is late all the same", async (t) => {
  const head = `HTTP/1.1 200 OK\r\nX-Slow: ${"x".repeat(1000)}\r\n\r\n`;
  const { send } = await startIdle(t, (socket) => {
    let at = 0;
    const timer = setInterval(() => socket.write(head[at++] ?? ""), 50);
    socket.once("data", () => {}).once("close", () => clearInterval(timer));
  });
  const startedAt = performance.now();
  const { answer } = await send("GET", "/slow/api/x");
  assert.equal(answer.statusCode, 504);
  assert.ok(performance.now() - startedAt < 10_000);
});

test("a service that reads no upload is late, and the client's connection does not hang", async (t) => {
  const { nexus, authorization } = await startIdle(t, (socket) => socket.pause());
  const length = 50_000_000;
  const lines = ["POST /slow/api/x HTTP/1.1", `Content-Length: ${length}`];
  const { socket, received } = await open(nexus, authorization, lines);
  socket.on("error", () => {});
  const chunk = Buffer.alloc(1_000_000);
  const write = () => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.on("drain", write);
  write();
  await waitFor(() => /^HTTP\/1\.1 504 /.test(received()), { what: "the refusal" });
  socket.off("drain", write).destroy();
});

test("a service that is half closed and says nothing more is late", async (t) => {
  // It has read all and will say nothing, but nobody tells: a firewall has forgotten the connection.
  const { send } = await startIdle(t, (socket) => socket.resume());
  assert.equal((await send("GET", "/slow/api/x")).answer.statusCode, 504);
});

test("a service that closes its half without an answer is away", async (t) => {
  const { send } = await startIdle(t, (socket) => socket.resume().end());
  assert.equal((await send("GET", "/slow/api/x")).answer.statusCode, 502);
});

test("an answer that stops or resets in the middle ends the client's in bounded time", async (t) => {
  const ways: readonly ((socket: Socket) => unknown)[] = [
    () => {},
    (socket) => socket.end(),
    (socket) => socket.resetAndDestroy(),
  ];
  let way = ways[0];
  const { begin } = await startIdle(t, (socket) => {
    socket.on("data", () => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf ");
      setTimeout(() => way?.(socket), 100);
    });
  });
  for (way of ways) {
    const startedAt = performance.now();
    const answer = await answerOf(begin("GET", "/slow/x").end());
    assert.equal(answer.statusCode, 200);
    await assert.rejects(text(answer), /aborted/);
    assert.ok(performance.now() - startedAt < 10_000);
  }
});

test("a client that leaves in the middle of its upload takes the request to the service along", async (t) => {
  let received = "";
  const { nexus, authorization, sockets } = await startIdle(t, (socket) => {
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
    });
  });
  const framings = {
    "Content-Length: 100": "some of it",
    "Transfer-Encoding: chunked": "4\r\nsome\r\n",
  };
  for (const [framing, start] of Object.entries(framings)) {
    for (const way of ["end", "destroy", "resetAndDestroy"] as const) {
      received = "";
      const seen = sockets.length;
      const lines = ["POST /slow/x HTTP/1.1", framing];
      const { socket } = await open(nexus, authorization, lines, start);
      socket.on("error", () => {});
      await waitFor(() => received.includes("some"), { what: `${framing} to arrive` });
      socket[way]();
      await waitFor(() => sockets[seen]?.closed || sockets[seen]?.readableEnded, {
        what: `the end of ${framing} by ${way}`,
      });
      assert.ok(!received.endsWith("0\r\n\r\n"), "what broke off does not look whole");
    }
  }
});
