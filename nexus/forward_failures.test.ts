// What forward.ts makes of services that are away, late or break off.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { createServer } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { createForwarder } from "./forward.ts";
import { createUpstream } from "./forward_passage.ts";
import { answerOf, startForwarding } from "./forward_testing.ts";
import { startNexus } from "./testing.ts";

const soon = { connect: 300, head: 1000, idle: 1000 };

test("a service that is late is 504, one that breaks off before its head is 502", async (t) => {
  const { nexus, send } = await startForwarding(t, { timeoutsMs: soon });
  const statusOf = async () => (await send("GET", "/template/api/x")).answer.statusCode;
  nexus.upstream.answer(() => {});
  assert.equal(await statusOf(), 504);
  nexus.upstream.answer((incoming) => incoming.socket.destroy());
  assert.equal(await statusOf(), 502);
  nexus.upstream.answer((incoming) => incoming.socket.end("no HTTP at all\r\n\r\n"));
  assert.equal(await statusOf(), 502);
  nexus.upstream.answer((incoming) => incoming.socket.end("HTTP/1.1 200 OK\r\nA: \x01\r\n\r\n"));
  assert.equal(await statusOf(), 502);
  nexus.upstream.answer((_incoming, outgoing) => void outgoing.end("well again"));
  assert.equal(await statusOf(), 200);
});

test("a person sees which service is late", async (t) => {
  const nexus = await startNexus(t, { timeoutsMs: soon });
  const browser = await nexus.signIn();
  nexus.upstream.answer(() => {});
  const page = await browser.request("/template/");
  assert.equal(page.status, 504);
  assert.match(page.body, /takes too long/);
  assert.match(page.body, /template/);
});

test("an answer that breaks off or stalls is cut, so that nobody takes it for whole", async (t) => {
  const { nexus, begin } = await startForwarding(t, { timeoutsMs: soon });
  const answers = [
    (socket: IncomingMessage["socket"]) => socket.end("1234"),
    (socket: IncomingMessage["socket"]) => socket.resetAndDestroy(),
    () => {},
  ];
  const chunked = "Transfer-Encoding: chunked\r\n\r\n5\r\nhalf \r\n";
  for (const [breakOff, head] of answers.flatMap((way) => [
    [way, "Content-Length: 100\r\n\r\nhalf "] as const,
    [way, chunked] as const,
  ])) {
    nexus.upstream.answer(({ socket }) => {
      socket.write(`HTTP/1.1 200 OK\r\n${head}`);
    });
    const answer = await answerOf(begin("GET", "/template/x").end());
    breakOff(nexus.upstream.last.incoming.socket);
    await assert.rejects(text(answer), /aborted/);
  }
});

test("a port on which nothing listens or nobody answers is 502 or 504 within the time", async (t) => {
  const deaf = createServer((socket) => socket.pause()).listen(0, "127.0.0.1");
  await once(deaf, "listening");
  t.after(() => deaf.close());
  const { port } = deaf.address() as { port: number };
  const services = {
    nowhere: { url: "http://127.0.0.1:1" },
    deaf: { url: `http://127.0.0.1:${port}` },
  };
  const { send } = await startForwarding(t, { services, timeoutsMs: soon });
  assert.equal((await send("GET", "/nowhere/api/x")).answer.statusCode, 502);
  assert.equal((await send("GET", "/deaf/api/x")).answer.statusCode, 504);
});

test("a head that cannot be written is that answer's failure alone", async (t) => {
  const upstream = createHttpServer((_incoming, outgoing) => {
    outgoing.write("the beginning of an answer");
  });
  upstream.listen(0, "127.0.0.1");
  await once(upstream, "listening");
  const forwarder = createForwarder();
  t.after(async () => {
    await forwarder.close();
    upstream.closeAllConnections();
    upstream.close();
  });
  const { port } = upstream.address() as { port: number };
  const gateway = createHttpServer((incoming, outgoing) => {
    const { writeHead } = outgoing;
    outgoing.writeHead = () => {
      outgoing.writeHead = writeHead;
      throw new Error("no such head");
    };
    forwarder.forward({
      request: {
        incoming,
        outgoing,
        answeredAt: undefined,
        fail: ({ status }) => void outgoing.writeHead(status).end(),
      },
      upstream: createUpstream("x", `http://127.0.0.1:${port}`, new URL("http://127.0.0.1")),
      target: "/",
      headers: [],
      defaultHeaders: {},
    });
  });
  gateway.listen(0, "127.0.0.1");
  await once(gateway, "listening");
  t.after(() => gateway.close());
  const { port: gatewayPort } = gateway.address() as { port: number };
  const answer = await fetch(`http://127.0.0.1:${gatewayPort}/`, {
    headers: { connection: "close" },
  });
  assert.equal(answer.status, 502);
});
