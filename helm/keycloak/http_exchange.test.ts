import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { HttpExchange } from "./http_exchange.ts";

const answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** A server that says what each piece of what it receives is answered with; `undefined`: cut off. */
async function startServer(t: TestContext, answers: (string | undefined)[]) {
  const received: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", (data) => {
      received.push(data.toString().split("\r\n")[0] ?? "");
      const next = answers.shift();
      if (next === undefined) socket.resetAndDestroy();
      else socket.write(next);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const exchange = new HttpExchange(5000);
  t.after(() => {
    exchange.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as { port: number };
  return { exchange, received, sockets, url: new URL(`http://127.0.0.1:${port}/x`) };
}

test("one connection serves several questions", async (t) => {
  const { exchange, sockets, url } = await startServer(t, [answer, answer]);
  assert.equal((await exchange.ask(url, { method: "GET" })).text, "ok");
  assert.equal((await exchange.ask(url, { method: "POST", body: "{}" })).status, 200);
  assert.equal(sockets.size, 1);
});

test("a question on a connection that was closed meanwhile is asked again, a change never is", async (t) => {
  const asked = await startServer(t, [answer, undefined, answer]);
  await asked.exchange.ask(asked.url, { method: "GET" });
  assert.equal((await asked.exchange.ask(asked.url, { method: "GET" })).text, "ok");
  assert.equal(asked.received.length, 3);

  const changed = await startServer(t, [answer, undefined, answer]);
  await changed.exchange.ask(changed.url, { method: "GET" });
  await assert.rejects(changed.exchange.ask(changed.url, { method: "DELETE" }), {
    code: "ECONNRESET",
  });
  assert.deepEqual(changed.received, ["GET /x HTTP/1.1", "DELETE /x HTTP/1.1"]);
});

test("a question that a fresh connection breaks off at is not asked again", async (t) => {
  const { exchange, received, url } = await startServer(t, [undefined, answer]);
  await assert.rejects(exchange.ask(url, { method: "GET" }), { code: "ECONNRESET" });
  assert.equal(received.length, 1);
});

test("an answer that never ends is cut off at its limit", async (t) => {
  const head = "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n";
  const { exchange, url } = await startServer(t, [head + "x".repeat(17 * 1024 * 1024)]);
  await assert.rejects(exchange.ask(url, { method: "GET" }), /larger than 16777216 bytes/);
});
