import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Agent, request as httpRequest } from "node:http";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connectRaw, sendRaw } from "./raw_http_testing.ts";
import { serve } from "./serve.ts";
import { defer, echo, host, startServer } from "./serve_testing.ts";
import { waitFor } from "./wait_for.ts";

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

test("an answered request's signal stays quiet", async (t) => {
  let signal: AbortSignal | undefined;
  const server = await startServer(t, async (request) => {
    ({ signal } = request);
    return new Response("done");
  });
  await sendRaw(server.url, ["GET / HTTP/1.1", host, "Connection: close"]);
  assert.equal(signal?.aborted, false);
});

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

test("closing lets an event stream go on for its time, and then ends it whole", async (t) => {
  let isLetGo = false;
  const events = new ReadableStream<Uint8Array>({
    async pull(controller) {
      await sleep(5);
      controller.enqueue(Buffer.from("data: tick\n\n"));
    },
    cancel() {
      isLetGo = true;
    },
  });
  const headers = { "content-type": "text/event-stream; charset=utf-8" };
  const handler = async () => new Response(events, { headers });
  const server = await startServer(t, handler, { drainTimeoutMs: 200 });
  const socket = await connectRaw(server.url);
  let received = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => {
    received += chunk;
  });
  socket.write(`GET / HTTP/1.1\r\n${host}\r\n\r\n`);
  await waitFor(() => received.includes("tick"));
  const before = received.length;
  await server.close();
  await waitFor(() => socket.closed);
  assert.ok(received.length > before, "it went on");
  // The last chunk (RFC 9112 §7.1): the answer is whole.
  assert.ok(received.endsWith("data: tick\n\n\r\n0\r\n\r\n"), received.slice(-60));
  await waitFor(() => isLetGo);
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
