import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Agent, request as httpRequest } from "node:http";
import type { Socket } from "node:net";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { connectRaw, sendRaw } from "./raw_http_testing.ts";
import { type RequestHandler, type ServeOptions, serve } from "./serve.ts";
import { createTestLog } from "./testing.ts";
import { waitFor } from "./wait_for.ts";

async function startServer(
  t: TestContext,
  handle: RequestHandler,
  options: Partial<ServeOptions> = {},
) {
  const log = createTestLog();
  const server = await serve(handle, { port: 0, log, ...options });
  t.after(() => server.close());
  return { ...server, log };
}

/** A promise to be resolved from outside (Node 20 has no Promise.withResolvers). */
function defer<T = void>() {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** Answers with what the handler was given. */
const echo: RequestHandler = async (request, peer) =>
  Response.json({
    method: request.method,
    url: request.url,
    headers: Object.fromEntries(request.headers),
    body: await request.text(),
    peer: peer.address,
  });

const host = "Host: localhost";

test("a handler gets the request whole and its response is sent whole", async (t) => {
  const server = await startServer(t, echo);
  const response = await fetch(new URL("/notes?page=2", server.url), {
    method: "POST",
    headers: { "X-Name": "Ada" },
    body: "hello",
  });
  const got = (await response.json()) as Record<string, unknown>;
  assert.equal(response.headers.get("content-type"), "application/json");
  assert.equal(got["method"], "POST");
  assert.equal(got["url"], new URL("/notes?page=2", server.url).href);
  assert.equal((got["headers"] as Record<string, string>)["x-name"], "Ada");
  assert.equal(got["body"], "hello");
  assert.equal(got["peer"], "127.0.0.1");
});

test("the host of the request's URL is the Host header, never the target", async (t) => {
  const server = await startServer(t, echo);
  for (const [target, url] of [
    ["//evil.example/x", "http://localhost//evil.example/x"],
    ["/\\evil.example", "http://localhost//evil.example"],
    ["/@evil.example", "http://localhost/@evil.example"],
    ["/a/../b", "http://localhost/b"],
  ]) {
    const answer = await sendRaw(server.url, [`GET ${target} HTTP/1.1`, host, "Connection: close"]);
    assert.match(answer, /^HTTP\/1\.1 200 /);
    assert(answer.includes(JSON.stringify(url)), `${target}: ${answer}`);
  }
});

for (const [what, lines, detail] of [
  ["an absolute target", ["GET http://evil/ HTTP/1.1", host], "must begin with a slash"],
  ["an asterisk", ["OPTIONS * HTTP/1.1", host], "must begin with a slash"],
  ["a Host with a path", ["GET /x HTTP/1.1", "Host: localhost/admin?"], "is no host"],
  ["a Host with a user", ["GET /x HTTP/1.1", "Host: a@evil"], "is no host"],
  ["two Hosts", ["GET /x HTTP/1.1", host, "Host: evil"], "is no host"],
  ["an empty Host", ["GET /x HTTP/1.1", "Host:"], "is no host"],
  ["a port that is none", ["GET /x HTTP/1.1", "Host: a:99999"], "Invalid URL"],
] as const) {
  test(`${what} is answered with 400, and the handler does not see it`, async (t) => {
    const server = await startServer(t, () => assert.fail("handled"));
    const answer = await sendRaw(server.url, [...lines, "Connection: close"]);
    assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/);
    assert.match(answer, /content-type: application\/problem\+json/);
    assert(answer.includes(detail), answer);
    assert.deepEqual(server.log.lines, []);
  });
}

test("bytes that the client should have encoded are refused, encoded ones stay", async (t) => {
  const server = await startServer(t, echo);
  const target = Buffer.from("/café").toString("latin1");
  const refused = await sendRaw(server.url, [`GET ${target} HTTP/1.1`, host, "Connection: close"]);
  assert.match(refused, /^HTTP\/1\.1 400 /);
  const response = await fetch(new URL("/café?q=🐝", server.url));
  const { url } = (await response.json()) as { url: string };
  assert.equal(new URL(url).pathname + new URL(url).search, "/caf%C3%A9?q=%F0%9F%90%9D");
});

test("a request without Host (HTTP/1.0) is answered", async (t) => {
  const server = await startServer(t, echo);
  const answer = await sendRaw(server.url, ["GET /x HTTP/1.0"]);
  assert(answer.includes('"http://localhost/x"'), answer);
});

test("R28: TRACE is refused and CONNECT opens nothing", async (t) => {
  const server = await startServer(t, () => assert.fail("handled"));
  const trace = await sendRaw(server.url, ["TRACE / HTTP/1.1", host, "Connection: close"]);
  assert.match(trace, /^HTTP\/1\.1 501 /);
  assert.equal(await sendRaw(server.url, ["CONNECT localhost:22 HTTP/1.1", host]), "");
});

test("odd bytes in header values pass both ways", async (t) => {
  const server = await startServer(t, async (request) => {
    const value = request.headers.get("x-odd") ?? "";
    return new Response(null, { headers: { "x-odd": value } });
  });
  const odd = "tab\there \x80\xff é";
  const lines = ["GET / HTTP/1.1", host, `X-Odd: ${odd}`, "Connection: close"];
  assert((await sendRaw(server.url, lines)).includes(`x-odd: ${odd}\r\n`));
});

test("repeated headers are joined as they may be, cookies by semicolons", async (t) => {
  const server = await startServer(t, echo);
  const repeated = ["Accept: a/b", "Accept: c/d", "Cookie: a=1", "Cookie: b=2"];
  const answer = await sendRaw(server.url, [
    "GET / HTTP/1.1",
    host,
    ...repeated,
    "Connection: close",
  ]);
  assert(answer.includes('"accept":"a/b, c/d"'), answer);
  assert(answer.includes('"cookie":"a=1; b=2"'), answer);
});

test("every Set-Cookie is a header of its own", async (t) => {
  const server = await startServer(t, async () => {
    const headers = new Headers({ "x-one": "1" });
    headers.append("set-cookie", "a=1; Expires=Thu, 01 Jan 2037 00:00:00 GMT");
    headers.append("set-cookie", "b=2");
    return new Response("x", { headers });
  });
  const response = await fetch(server.url);
  assert.deepEqual(response.headers.getSetCookie(), [
    "a=1; Expires=Thu, 01 Jan 2037 00:00:00 GMT",
    "b=2",
  ]);
  assert.equal(response.headers.get("x-one"), "1");
});

test("HEAD is answered with the head alone, and the body is not made", async (t) => {
  let isCancelled = false;
  const server = await startServer(t, async (request) => {
    assert.equal(request.method, "HEAD");
    const body = new ReadableStream({
      cancel() {
        isCancelled = true;
      },
    });
    return new Response(body, { headers: { "content-length": "5" } });
  });
  const answer = await sendRaw(server.url, ["HEAD / HTTP/1.1", host, "Connection: close"]);
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n[\s\S]*content-length: 5\r\n[\s\S]*\r\n\r\n$/);
  assert.equal(isCancelled, true);
});

test("204 and 304 have neither body nor length", async (t) => {
  const server = await startServer(
    t,
    async (request) =>
      new Response(null, { status: Number(new URL(request.url).pathname.slice(1)) }),
  );
  for (const status of [204, 304]) {
    const answer = await sendRaw(server.url, [
      `GET /${status} HTTP/1.1`,
      host,
      "Connection: close",
    ]);
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*\\r\\n\\r\\n$`));
    assert.doesNotMatch(answer, /content-length|transfer-encoding/i);
  }
});

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

test("an answered request's signal stays quiet", async (t) => {
  let signal: AbortSignal | undefined;
  const server = await startServer(t, async (request) => {
    ({ signal } = request);
    return new Response("done");
  });
  await sendRaw(server.url, ["GET / HTTP/1.1", host, "Connection: close"]);
  assert.equal(signal?.aborted, false);
});

test("a client that breaks off its upload breaks the handler's reading", async (t) => {
  const started = defer();
  const failed = defer<unknown>();
  const server = await startServer(t, async (request) => {
    started.resolve();
    await request.text().catch(failed.resolve);
    return new Response("late");
  });
  const socket = await connectRaw(server.url);
  socket.write(`POST / HTTP/1.1\r\n${host}\r\nContent-Length: 10\r\n\r\nhalf`);
  await started.promise;
  socket.destroy();
  assert(await failed.promise);
});

const bodyUses: Record<string, RequestHandler> = {
  "was not read": async () => new Response("ok"),
  "was read in part and let go": async (request) => {
    for await (const _ of request.body ?? []) break;
    return new Response("ok");
  },
  "was read in part and held": async (request) => {
    await request.body?.getReader().read();
    return new Response("ok");
  },
  "was cancelled": async (request) => {
    await request.body?.cancel();
    return new Response("ok");
  },
};
for (const [what, handle] of Object.entries(bodyUses)) {
  test(`a connection carries the next request after a body that ${what}`, async (t) => {
    const server = await startServer(t, handle);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    const sockets = new Set<Socket>();
    for (const _ of [1, 2, 3]) {
      const client = httpRequest(server.url, { agent, method: "POST" });
      client.once("socket", (socket: Socket) => sockets.add(socket));
      client.end(Buffer.alloc(2 ** 20));
      const [response] = await once(client, "response");
      assert.equal(response.statusCode, 200);
      assert.equal((await response.toArray()).join(""), "ok");
    }
    assert.equal(sockets.size, 1);
  });
}

test("a handler that throws is a bare 500 and a line in the log", async (t) => {
  const server = await startServer(t, async () => {
    throw new Error("secret reason");
  });
  const response = await fetch(server.url);
  assert.equal(response.status, 500);
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  assert.doesNotMatch(await response.text(), /secret/);
  assert.match(server.log.lines.join(), /secret reason/);
});

test("a response that node cannot send is a 500 as well", async (t) => {
  const control = String.fromCharCode(1);
  const server = await startServer(
    t,
    async () => new Response("x", { headers: { "x-a": control } }),
  );
  assert.equal((await fetch(server.url)).status, 500);
  assert.match(server.log.lines.join(), /Invalid character in header/);
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

test("closing finishes what is under way and refuses what is new", async (t) => {
  const go = defer();
  const started = defer();
  const server = await startServer(t, async () => {
    started.resolve();
    await go.promise;
    return new Response("finished");
  });
  const answer = fetch(server.url);
  await started.promise;
  const closed = server.close();
  await assert.rejects(connectRaw(server.url), { code: "ECONNREFUSED" });
  // Time enough for a close that would cut the answer.
  await sleep(100);
  go.resolve();
  assert.equal(await (await answer).text(), "finished");
  await closed;
});

test("closing tells a kept connection that it takes no further request", async (t) => {
  const started = { "/slow": defer(), "/next": defer() };
  const go = defer();
  const server = await startServer(t, async (request) => {
    const { pathname } = new URL(request.url);
    started[pathname as keyof typeof started].resolve();
    if (pathname === "/slow") await go.promise;
    return new Response(null, { headers: { "x-path": pathname } });
  });
  const socket = await connectRaw(server.url);
  socket.setEncoding("latin1");
  socket.write(`GET /slow HTTP/1.1\r\n${host}\r\n\r\n`);
  await started["/slow"].promise;
  const closed = server.close();
  socket.write(`GET /next HTTP/1.1\r\n${host}\r\n\r\n`);
  await started["/next"].promise;
  go.resolve();
  const answers = (await socket.toArray()).join("");
  assert.match(answers, /x-path: \/slow\r\n[\s\S]*x-path: \/next\r\n[\s\S]*Connection: close\r\n/);
  await closed;
});

test("closing does not wait for idle connections, nor for those that never asked", async (t) => {
  const server = await startServer(t, async () => new Response("ok"), { drainTimeoutMs: 60_000 });
  const silent = await connectRaw(server.url);
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  const client = httpRequest(server.url, { agent }).end();
  const [response] = await once(client, "response");
  await response.toArray();
  const startedAt = performance.now();
  silent.resume();
  await Promise.all([server.close(), once(silent, "close")]);
  assert(performance.now() - startedAt < 5000);
});

test("closing cuts what does not finish in time", async (t) => {
  const server = await startServer(t, async () => new Response(new ReadableStream({})), {
    drainTimeoutMs: 50,
  });
  const response = await fetch(server.url);
  const body = assert.rejects(response.text());
  await server.close();
  await body;
});

test("without somebody to hand it to, a request for another protocol is an ordinary one", async (t) => {
  const server = await startServer(t, echo);
  const lines = ["GET /feed HTTP/1.1", host, "Connection: Upgrade, close", "Upgrade: x"];
  assert.match(await sendRaw(server.url, lines), /^HTTP\/1\.1 200 /);
});

test("a taken port is named with the process that holds it", async (t) => {
  const first = await startServer(t, echo);
  const port = Number(first.url.port);
  const second = serve(echo, { port, service: "codex" });
  await assert.rejects(second, (error: Error) => {
    assert.equal(error.name, "PortTakenError");
    assert.match(error.message, /^Cannot start codex: port \d+ is taken by process \d+ \(/);
    assert(error.message.includes(` ${port} `) && error.message.includes(` ${process.pid} `));
    assert.match(error.message, /serve\.test\.ts\); .*helm config set apps\.codex\.port/);
    return true;
  });
});

test("SIGTERM finishes what is under way, closes in order and ends with status 0", async (t) => {
  const program = `import { createLog } from "./log.ts"; import { closeOnSignal, serve } from "./serve.ts";
    const log = createLog("codex");
    const server = await serve(async () => {
      process.kill(process.pid, "SIGTERM");
      process.kill(process.pid, "SIGINT");
      await new Promise((resolve) => setTimeout(resolve, 100));
      return new Response("finished");
    }, { port: 0 });
    closeOnSignal(log, server, { close: () => log.info("second") });
    log.info(server.url.href);`;
  const options = ["--import", "tsx", "--input-type=module", "--eval", program];
  const child = spawn(process.execPath, options, { cwd: import.meta.dirname });
  t.after(() => child.kill("SIGKILL"));
  const exited = once(child, "exit");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextMessage = async () => JSON.parse((await lines.next()).value).message;
  const url = await nextMessage();
  assert.equal(await (await fetch(url)).text(), "finished");
  assert.equal(await nextMessage(), "stopping");
  assert.equal(await nextMessage(), "second");
  assert.equal(await nextMessage(), "stopped");
  assert.deepEqual(await exited, [0, null]);
});

test("a request with an Upgrade header goes to onUpgrade with its connection, others do not", async (t) => {
  const server = await startServer(t, echo, {
    onUpgrade: (incoming, socket, head) => {
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nX-Path: ${incoming.url}\r\n\r\n${head}`);
      socket.on("data", (chunk) => socket.write(`got ${chunk}`));
    },
  });
  const socket = await connectRaw(server.url);
  t.after(() => socket.destroy());
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk;
  });
  socket.write(`GET /feed HTTP/1.1\r\n${host}\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nearly`);
  await waitFor(() => text.includes("early"));
  assert.match(text, /X-Path: \/feed/);
  socket.write("more");
  await waitFor(() => text.includes("got more"));
  assert.equal((await fetch(server.url)).status, 200);
});

test("close lets answers finish before it cuts upgraded connections, and a reset harms nobody", async (t) => {
  const waiting = defer();
  const started = defer();
  const server = await startServer(
    t,
    async () => {
      started.resolve();
      await waiting.promise;
      return new Response("done");
    },
    { onUpgrade: (_incoming, socket) => socket.write("HTTP/1.1 101 Switching Protocols\r\n\r\n") },
  );
  const upgrade = async () => {
    const socket = await connectRaw(server.url);
    socket.write(`GET / HTTP/1.1\r\n${host}\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n`);
    await once(socket, "data");
    return socket;
  };
  const reset = await upgrade();
  reset.resetAndDestroy();
  const socket = await upgrade();
  const response = fetch(server.url);
  await started.promise;
  const closed = server.close();
  await sleep(60);
  assert.equal(socket.readyState, "open");
  const cut = once(socket, "close");
  waiting.resolve();
  assert.equal(await (await response).text(), "done");
  await Promise.all([cut, closed]);
});
