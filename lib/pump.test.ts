import assert from "node:assert/strict";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { connectRaw } from "./raw_http_testing.ts";
import { defer, host, startServer } from "./serve_testing.ts";
import { waitFor } from "./wait_for.ts";

test("bodies stream both ways: each piece arrives before the next one is sent", async (t) => {
  const server = await startServer(t, async (request) => new Response(request.body));
  const { port } = server.url;
  const client = httpRequest({ port, method: "POST", path: "/" });
  client.flushHeaders();
  const [incoming] = await once(client, "response");
  incoming.setEncoding("utf8");
  for (const piece of ["one", "two", "three"]) {
    client.write(piece);
    const [got] = await once(incoming, "data");
    assert.equal(got, piece);
  }
  client.end();
  await once(incoming, "end");
});

test("the head of a stream is sent before its first byte", async (t) => {
  const server = await startServer(t, async () => {
    const events = new ReadableStream({});
    return new Response(events, { headers: { "content-type": "text/event-stream" } });
  });
  const stop = new AbortController();
  const response = await fetch(server.url, { signal: stop.signal });
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  stop.abort();
});

/** Node's own garbage collector, so that memory figures are about what is still needed. */
function exposeGarbageCollector(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}

test("256 MiB go up and come down again in constant memory", async (t) => {
  const collectGarbage = exposeGarbageCollector();
  const server = await startServer(t, async (request) => new Response(request.body));
  const piece = new Uint8Array(256 * 1024).fill(7);
  const pieces = 1024;
  let sent = 0;
  const body = new ReadableStream({
    pull(controller) {
      if (sent++ < pieces) controller.enqueue(piece);
      else controller.close();
    },
  });
  const response = await fetch(server.url, { method: "POST", body, duplex: "half" } as RequestInit);
  let received = 0;
  let peak = 0;
  let lastLook = 0;
  for await (const chunk of response.body ?? []) {
    received += chunk.byteLength;
    if (received - lastLook < 2 ** 25) continue;
    lastLook = received;
    collectGarbage();
    peak = Math.max(peak, process.memoryUsage().arrayBuffers);
  }
  assert.equal(received, pieces * piece.byteLength);
  assert(peak < 96 * 2 ** 20, `${peak / 2 ** 20} MiB were held at once`);
});

/** Waits until the number has stayed the same for a while, and returns it. */
async function settle(read: () => number): Promise<number> {
  let last = read();
  let since = performance.now();
  return await waitFor(() => {
    if (read() !== last) since = performance.now();
    last = read();
    return performance.now() - since > 300 && last > 0 ? last : undefined;
  });
}

const plenty = 64 * 2 ** 20;

test("a client that does not read holds the handler's stream back", async (t) => {
  let made = 0;
  const server = await startServer(t, async () => {
    const body = new ReadableStream({
      pull(controller) {
        if (made >= plenty) return controller.close();
        made += 65536;
        controller.enqueue(new Uint8Array(65536));
      },
    });
    return new Response(body);
  });
  const socket = await connectRaw(server.url);
  socket.write(`GET / HTTP/1.1\r\n${host}\r\nConnection: close\r\n\r\n`);
  assert((await settle(() => made)) < plenty / 2);
  let received = 0;
  for await (const chunk of socket) received += chunk.length;
  assert(received > plenty);
});

test("a handler that does not read holds the client back", async (t) => {
  const go = defer();
  const server = await startServer(t, async (request) => {
    await go.promise;
    let received = 0;
    for await (const chunk of request.body ?? []) received += chunk.byteLength;
    return new Response(String(received));
  });
  let sent = 0;
  const body = new ReadableStream({
    pull(controller) {
      if (sent >= plenty) return controller.close();
      sent += 65536;
      controller.enqueue(new Uint8Array(65536));
    },
  });
  const answer = fetch(server.url, { method: "POST", body, duplex: "half" } as RequestInit);
  assert((await settle(() => sent)) < plenty / 2);
  go.resolve();
  assert.equal(await (await answer).text(), String(plenty));
});

test("a client that goes away aborts the request's signal, even one kept without its request", async (t) => {
  const collectGarbage = exposeGarbageCollector();
  let isAborted = false;
  let isCancelled = false;
  const server = await startServer(t, async ({ signal }) => {
    signal.addEventListener("abort", () => {
      isAborted = true;
    });
    const body = new ReadableStream({
      cancel() {
        isCancelled = true;
      },
    });
    return new Response(body);
  });
  const stop = new AbortController();
  const response = await fetch(server.url, { signal: stop.signal });
  for (const _ of [1, 2, 3]) {
    collectGarbage();
    await sleep(0);
  }
  assert.equal(isAborted, false);
  assert.equal(response.bodyUsed, false, "the client has to keep its end until here");
  stop.abort();
  await waitFor(() => isAborted);
  await waitFor(() => isCancelled);
  assert.deepEqual(server.log.lines, []);
});

test("a body that nobody waits for any more is cancelled, and nothing is logged", async (t) => {
  let isCancelled = false;
  const started = defer();
  const server = await startServer(t, async ({ signal }) => {
    started.resolve();
    await once(signal, "abort");
    const cancel = () => {
      isCancelled = true;
    };
    return new Response(new ReadableStream({ cancel }));
  });
  const socket = await connectRaw(server.url);
  socket.write(`GET / HTTP/1.1\r\n${host}\r\n\r\n`);
  await started.promise;
  socket.destroy();
  await waitFor(() => isCancelled);
  assert.deepEqual(server.log.lines, []);
});

test("a body that fails half-way breaks the answer off, so nobody takes it for whole", async (t) => {
  const fail = defer();
  const server = await startServer(t, async () => {
    let isFirst = true;
    const body = new ReadableStream({
      async pull(controller) {
        if (!isFirst) {
          await fail.promise;
          throw new Error("half-way");
        }
        isFirst = false;
        controller.enqueue(new TextEncoder().encode("first"));
      },
    });
    return new Response(body);
  });
  const response = await fetch(server.url);
  assert.equal(response.status, 200);
  fail.resolve();
  await assert.rejects(response.text());
  await waitFor(() => server.log.lines.length > 0);
  assert.match(server.log.lines.join(), /cannot answer a request.*half-way/);
});
