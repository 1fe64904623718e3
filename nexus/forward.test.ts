import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { createServer } from "node:net";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { connectRaw } from "@hivematrix/lib/raw_http_testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { startNexus, type TestNexus, type TestNexusOptions } from "./testing.ts";
import { upstreamPage } from "./upstream_testing.ts";

const MiB = 1024 * 1024;

/** As a script asks, so that nothing is composed. */
const fetched = { "sec-fetch-dest": "empty" };

/** A gateway and a client of it that is signed in by token and sees answers as they come. */
async function start(t: { after(f: () => unknown): void }, options: TestNexusOptions = {}) {
  const nexus = await startNexus(t, options);
  const authorization = `Bearer ${await nexus.obtainToken()}`;
  const begin = (method: string, path: string, headers: Record<string, string | string[]> = {}) =>
    httpRequest(new URL(nexus.origin), {
      method,
      path,
      headers: { authorization, ...headers },
      agent: false,
    });
  const send = async (method: string, path: string, headers = {}, body: Buffer | string = "") => {
    const answer = await answerOf(begin(method, path, headers).end(body));
    return { answer, body: await text(answer) };
  };
  return { nexus, authorization, begin, send };
}

async function answerOf(sent: ClientRequest): Promise<IncomingMessage> {
  const [answer] = await once(sent, "response");
  return answer as IncomingMessage;
}

/** A request written by hand, on a connection of its own. */
async function open(nexus: TestNexus, authorization: string, lines: string[], body = "") {
  const socket = await connectRaw(nexus.url);
  const head = [...lines, `Host: ${nexus.url.host}`, `Authorization: ${authorization}`];
  socket.write(`${head.join("\r\n")}\r\n\r\n${body}`, "latin1");
  let received = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => {
    received += chunk;
  });
  return { socket, received: () => received };
}

test("methods, targets, headers and bodies arrive as they were sent, byte for byte", async (t) => {
  const { nexus, send } = await start(t);
  const bodies: Buffer[] = [];
  nexus.upstream.answer(async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    bodies.push(Buffer.concat(chunks));
    outgoing.writeHead(200, { "content-type": "application/octet-stream" });
    outgoing.end(Buffer.concat(chunks));
  });
  const bytes = randomBytes(5000);
  const target = "/a%20b//c/;x=1?q=1&q=2&q=%ff&%F0=a+b&&=?/../";
  for (const method of ["POST", "PUT", "PATCH", "DELETE", "PROPFIND", "REPORT"]) {
    const headers = { "X-Tag": ["one", "two"], "content-length": "5000" };
    const { answer } = await send(method, `/template${target}`, headers, bytes);
    assert.equal(answer.statusCode, 200, method);
    const { last } = nexus.upstream;
    assert.equal(last.method, method);
    assert.equal(last.target, target);
    assert.deepEqual(last.headers("x-tag"), ["one", "two"]);
    assert.deepEqual(last.headers("content-length"), ["5000"]);
    assert.ok(bodies.at(-1)?.equals(bytes), method);
  }
  for (const method of ["GET", "HEAD", "OPTIONS", "DELETE", "POST", "SEARCH"]) {
    const { answer } = await send(method, "/template/");
    assert.equal(answer.statusCode, 200, method);
    assert.equal(nexus.upstream.last.method, method);
    assert.equal(bodies.at(-1)?.length, 0);
  }
});

test("a body of unknown length and a body of a GET arrive too", async (t) => {
  const { nexus, begin, send } = await start(t);
  nexus.upstream.answer((incoming, outgoing) => incoming.pipe(outgoing));
  const chunked = begin("POST", "/template/", { "transfer-encoding": "chunked" });
  chunked.write("first ");
  chunked.end("second");
  assert.equal(await text(await answerOf(chunked)), "first second");
  const { body } = await send("GET", "/template/", { "content-length": "4" }, "body");
  assert.equal(body, "body");
});

test("a request's body reaches the service while it is still being sent", async (t) => {
  const { nexus, begin } = await start(t);
  nexus.upstream.answer((incoming, outgoing) => {
    incoming.once("data", (chunk) => outgoing.write(`got ${chunk}`));
    incoming.on("end", () => outgoing.end(", all of it"));
  });
  const sent = begin("POST", "/template/", { "content-length": "10" });
  sent.write("first");
  const answer = await answerOf(sent);
  const [chunk] = await once(answer, "data");
  assert.equal(String(chunk), "got first");
  sent.end("other");
  assert.equal(await text(answer), ", all of it");
});

test("an answer that comes before the body has ended arrives whole, and the connection lives", async (t) => {
  const { nexus, authorization } = await start(t);
  const refusal = "x".repeat(20_000);
  nexus.upstream.answer((incoming, outgoing) => {
    if (incoming.method === "GET") outgoing.end("next");
    else outgoing.writeHead(413).end(refusal);
  });
  const lines = ["POST /template/ HTTP/1.1", `Content-Length: ${2 * MiB}`];
  const { socket, received } = await open(nexus, authorization, lines, "x".repeat(MiB));
  await waitFor(() => received().includes(refusal), { what: "the early answer" });
  assert.match(received(), /^HTTP\/1\.1 413 /);
  socket.write("x".repeat(MiB));
  socket.write(
    `GET /template/ HTTP/1.1\r\nHost: ${nexus.url.host}\r\nAuthorization: ${authorization}\r\n\r\n`,
  );
  await waitFor(() => /next/.test(received()), { what: "the answer to the next request" });
  socket.destroy();
});

test("a service's page comes at the browser's pace: what it does not read is not fetched", async (t) => {
  const { nexus, authorization } = await start(t);
  let written = 0;
  nexus.upstream.answer((_incoming, outgoing) => {
    const chunk = Buffer.alloc(64 * 1024);
    const write = () => {
      while (written < 200 * MiB) {
        written += chunk.length;
        if (!outgoing.write(chunk)) return;
      }
    };
    outgoing.on("drain", write);
    write();
  });
  const socket = await connectRaw(nexus.url);
  socket.pause();
  const lines = ["GET /template/ HTTP/1.1", `Host: ${nexus.url.host}`];
  socket.write(`${[...lines, `Authorization: ${authorization}`].join("\r\n")}\r\n\r\n`);
  const settled = await waitUntilSteady(() => written);
  assert.ok(settled > 0 && settled < 32 * MiB, `${settled} bytes are under way`);
  socket.destroy();
});

test("an upload comes at the service's pace: what it does not read is not taken", async (t) => {
  const { nexus, begin } = await start(t);
  nexus.upstream.answer((incoming) => incoming.pause());
  const sent = begin("POST", "/template/", { "content-length": String(200 * MiB) });
  sent.on("error", () => {});
  let written = 0;
  const chunk = Buffer.alloc(64 * 1024);
  const write = () => {
    while (written < 200 * MiB) {
      written += chunk.length;
      if (!sent.write(chunk)) return;
    }
  };
  sent.on("drain", write);
  write();
  const settled = await waitUntilSteady(() => written);
  assert.ok(settled > 0 && settled < 32 * MiB, `${settled} bytes are under way`);
  sent.destroy();
});

test("100 MB up and down arrive unchanged in bounded memory", async (t) => {
  const { nexus, begin } = await start(t);
  const total = 100 * MiB;
  nexus.upstream.answer((incoming, outgoing) => {
    outgoing.writeHead(200, { "content-length": total });
    incoming.pipe(outgoing);
  });
  const before = process.memoryUsage().rss;
  let peak = 0;
  const source = createHash("sha256");
  const chunks = function* () {
    for (let sent = 0; sent < total; sent += MiB) {
      const chunk = randomBytes(MiB);
      source.update(chunk);
      peak = Math.max(peak, process.memoryUsage().rss - before);
      yield chunk;
    }
  };
  const sent = begin("POST", "/template/", { "content-length": String(total) });
  const sending = pipeline(Readable.from(chunks(), { objectMode: false }), sent);
  const arrived = createHash("sha256");
  for await (const chunk of await answerOf(sent)) arrived.update(chunk);
  await sending;
  assert.equal(arrived.digest("hex"), source.digest("hex"));
  assert.ok(peak < 96 * MiB, `${Math.round(peak / MiB)} MiB more, of client and service too`);
});

test("a browser that goes away ends the request to the service, before and during the answer", async (t) => {
  const { nexus, begin } = await start(t);
  const { upstream } = nexus;
  for (const answersFirst of [false, true]) {
    upstream.answer((_incoming, outgoing) => {
      if (answersFirst) outgoing.write("something");
    });
    const seen = upstream.requests.length;
    const sent = begin("GET", "/template/slow");
    sent.on("error", () => {}).end();
    if (answersFirst) (await answerOf(sent)).on("error", () => {});
    await waitFor(() => upstream.requests.length > seen, { what: "the request to arrive" });
    const { outgoing } = upstream.last;
    const closed = once(outgoing, "close");
    sent.destroy();
    await closed;
    assert.ok(!outgoing.writableFinished);
  }
});

test("a browser that is gone before its session is checked costs the service nothing", async (t) => {
  const { nexus, begin } = await start(t);
  let answer: (response: Response) => void = () => {};
  const checked = new Promise<Response>((resolve) => {
    answer = resolve;
  });
  let isAsked = false;
  nexus.coreDoor.misbehave(() => {
    isAsked = true;
    return checked;
  });
  const sent = begin("GET", "/template/x");
  sent.on("error", () => {}).end();
  await waitFor(() => isAsked, { what: "the question to Core" });
  sent.destroy();
  await waitFor(() => nexus.logLines.some((line) => line.includes('"aborted":true')));
  answer(Response.json({ valid: true, user: {} }));
  nexus.coreDoor.misbehave(undefined);
  assert.equal(
    await text(await answerOf(begin("GET", "/template/next", fetched).end())),
    upstreamPage,
  );
  assert.deepEqual(
    nexus.upstream.requests.map(({ target }) => target),
    ["/next"],
  );
});

test("an upload that breaks off is not passed on as if it were whole", async (t) => {
  const { nexus, begin } = await start(t);
  let end = "";
  nexus.upstream.answer((incoming) => {
    incoming.on("data", () => {});
    incoming.on("end", () => {
      end = "whole";
    });
    incoming.on("error", () => {
      end = "broken";
    });
  });
  const sent = begin("POST", "/template/", { "transfer-encoding": "chunked" });
  sent.on("error", () => {});
  sent.write("part of it");
  await waitFor(() => nexus.upstream.requests.length > 0);
  sent.destroy();
  await waitFor(() => end !== "");
  assert.equal(end, "broken");
});

test("an event stream begins with its head and brings each event as it happens", async (t) => {
  const { nexus, begin } = await start(t);
  nexus.upstream.answer((_incoming, outgoing) => {
    outgoing.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
  });
  const answer = await answerOf(begin("GET", "/template/events").end());
  assert.equal(answer.headers["content-type"], "text/event-stream");
  const { outgoing } = nexus.upstream.last;
  for (const event of ["data: 1\n\n", "data: 2\n\n"]) {
    outgoing.write(event);
    const [chunk] = await once(answer, "data");
    assert.equal(String(chunk), event);
  }
  outgoing.end();
  await once(answer, "end");
});

test("answers without content and parts of one arrive as they are", async (t) => {
  const { nexus, send } = await start(t);
  const table: readonly (readonly [number, Record<string, string>, string])[] = [
    [204, { etag: '"1"' }, ""],
    [205, { "content-length": "0" }, ""],
    [304, { etag: '"1"', "cache-control": "max-age=60" }, ""],
    [206, { "content-range": "bytes 0-3/10", "content-type": "text/html" }, "<p>a"],
    [416, { "content-range": "bytes */10" }, ""],
    [200, { "content-type": "text/plain", etag: '"2"', "content-length": "4" }, "text"],
    [299, { "content-type": "text/plain" }, "odd"],
    [599, { "content-type": "text/plain" }, "odder"],
  ];
  for (const [status, headers, content] of table) {
    nexus.upstream.answer((_incoming, outgoing) => {
      outgoing.writeHead(status, headers).end(content);
    });
    const { answer, body } = await send("GET", "/template/x", { range: "bytes=0-3" });
    assert.equal(answer.statusCode, status);
    assert.equal(body, content);
    for (const [name, value] of Object.entries(headers)) assert.equal(answer.headers[name], value);
    assert.deepEqual(nexus.upstream.last.headers("range"), ["bytes=0-3"]);
  }
});

test("HEAD has the headers of GET and no content", async (t) => {
  const { nexus, send } = await start(t);
  nexus.upstream.answer((_incoming, outgoing) => {
    outgoing.writeHead(200, { "content-type": "text/plain", "content-length": "1234" }).end();
  });
  const { answer, body } = await send("HEAD", "/template/x");
  assert.equal(answer.headers["content-length"], "1234");
  assert.equal(body, "");
});

test("addresses in Location, Content-Location, Refresh and Set-Cookie become public", async (t) => {
  const { nexus, send } = await start(t);
  const { url } = nexus.upstream;
  nexus.upstream.answer((_incoming, outgoing) => {
    outgoing.setHeader("location", `${url}/notes?a=b`);
    outgoing.setHeader("content-location", `${url}/notes`);
    outgoing.setHeader("refresh", `5; url=${url}/later`);
    outgoing.setHeader("set-cookie", ["sid=1; Path=/; HttpOnly", "theme=dark; Path=/; Domain=x"]);
    outgoing.writeHead(303).end();
  });
  const { answer } = await send("POST", "/template/notes");
  const here = `${nexus.origin}/template`;
  assert.equal(answer.headers.location, `${here}/notes?a=b`);
  assert.equal(answer.headers["content-location"], `${here}/notes`);
  assert.equal(answer.headers["refresh"], `5; url=${here}/later`);
  assert.deepEqual(answer.headers["set-cookie"], [
    "sid=1; Path=/template; HttpOnly",
    "theme=dark; Path=/template",
  ]);
});

test("R6: a service cannot plant a session or an attempt in the browser", async (t) => {
  const { nexus, send } = await start(t);
  const { port } = nexus.url;
  nexus.upstream.answer((_incoming, outgoing) => {
    outgoing.setHeader("set-cookie", [
      `hivematrix_session_${port}=planted; Path=/`,
      `__Host-hivematrix_session=planted; Path=/; Secure`,
      ` hivematrix_login_${port}_abc = planted`,
      "own=1",
    ]);
    outgoing.end();
  });
  const { answer } = await send("GET", "/template/x");
  assert.deepEqual(answer.headers["set-cookie"], ["own=1"]);
});

test("R5: no gateway's cookie reaches a service", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  browser.plant("hivematrix_session_1", "another-installation");
  browser.plant("theme", "dark");
  await browser.openUntil(/keycloak-callback/, "/login");
  await browser.request("/template/x");
  assert.deepEqual(nexus.upstream.last.headers("cookie"), ["theme=dark"]);
});

test("hop-by-hop headers of an answer stay behind", async (t) => {
  const { nexus, send } = await start(t);
  nexus.upstream.answer((_incoming, outgoing) => {
    outgoing.setHeader("connection", "close, x-hop").setHeader("x-hop", "1");
    outgoing.setHeader("x-kept", ["1", "2"]).setHeader("server", "secret/1.0");
    outgoing.end("text");
  });
  const { answer } = await send("GET", "/template/x");
  assert.equal(answer.headers["x-hop"], undefined);
  assert.equal(answer.headers["server"], undefined);
  assert.equal(answer.headers["x-kept"], "1, 2");
});

test("early hints do not count as the answer", async (t) => {
  const { nexus, send } = await start(t);
  nexus.upstream.answer((_incoming, outgoing) => {
    outgoing.writeEarlyHints({ link: "</a.css>; rel=preload" });
    setImmediate(() => outgoing.writeHead(201).end("made"));
  });
  const { answer, body } = await send("GET", "/template/x");
  assert.equal(answer.statusCode, 201);
  assert.equal(body, "made");
});

test("a client of HTTP/1.0 gets an answer that ends with the connection", async (t) => {
  const { nexus, authorization } = await start(t);
  nexus.upstream.answer((_incoming, outgoing) => {
    outgoing.write("one ");
    outgoing.end("two");
  });
  const { socket, received } = await open(nexus, authorization, ["GET /template/x HTTP/1.0"]);
  await once(socket, "end");
  assert.match(received(), /^HTTP\/1\.1 200 /);
  assert.doesNotMatch(received(), /transfer-encoding/i);
  assert.match(received(), /\r\n\r\none two$/);
});

test("requests sent one behind the other are answered in their order", async (t) => {
  const { nexus, authorization } = await start(t);
  nexus.upstream.answer((incoming, outgoing) => void outgoing.end(`<${incoming.url}>`));
  const lines = (path: string) =>
    [
      `GET ${path} HTTP/1.1`,
      `Host: ${nexus.url.host}`,
      `Authorization: ${authorization}`,
      "",
      "",
    ].join("\r\n");
  const { socket, received } = await open(nexus, authorization, ["GET /template/1 HTTP/1.1"]);
  socket.write(lines("/template/2") + lines("/template/3"));
  await waitFor(() => received().includes("</3>"));
  assert.match(received(), /<\/1>.*<\/2>.*<\/3>/s);
  socket.destroy();
});

test("100-continue is answered, so a client sends its body", async (t) => {
  const { nexus, begin } = await start(t);
  nexus.upstream.answer((incoming, outgoing) => incoming.pipe(outgoing));
  const sent = begin("POST", "/template/", { expect: "100-continue", "content-length": "4" });
  sent.flushHeaders();
  await once(sent, "continue");
  sent.end("body");
  assert.equal(await text(await answerOf(sent)), "body");
});

test("connections to a service are used again, and one that it has closed costs nothing", async (t) => {
  const { nexus, send } = await start(t);
  const ports = new Set<number | undefined>();
  nexus.upstream.answer((incoming, outgoing) => {
    ports.add(incoming.socket.remotePort);
    outgoing.end();
  });
  for (let i = 0; i < 10; i++) await send("GET", "/template/x");
  assert.equal(ports.size, 1);
  await nexus.upstream.kill();
  await nexus.upstream.restart();
  assert.equal((await send("GET", "/template/x")).answer.statusCode, 200);
});

const soon = { connect: 300, head: 1000, idle: 1000 };

test("a service that is late is 504, one that breaks off before its head is 502", async (t) => {
  const { nexus, send } = await start(t, { timeoutsMs: soon });
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
  const { nexus, begin } = await start(t, { timeoutsMs: soon });
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
  const { send } = await start(t, { services, timeoutsMs: soon });
  assert.equal((await send("GET", "/nowhere/api/x")).answer.statusCode, 502);
  assert.equal((await send("GET", "/deaf/api/x")).answer.statusCode, 504);
});

test("an upgrade that is not offered here is an ordinary request to the service", async (t) => {
  const { nexus, send } = await start(t);
  const headers = { connection: "upgrade", upgrade: "h2c", "http2-settings": "x" };
  const { answer } = await send("GET", "/template/x", headers);
  assert.equal(answer.statusCode, 200);
  assert.deepEqual(nexus.upstream.last.headers("upgrade"), []);
});

test("a service below a path of its own is reached there and named without it", async (t) => {
  const { nexus, send } = await start(t, { services: { other: {} } });
  const { upstream } = nexus;
  const below = await start(t, { services: { below: { url: `${upstream.url}/base/` } } });
  upstream.answer((_incoming, outgoing) => {
    outgoing.writeHead(302, { location: `${upstream.url}/base/next` }).end();
  });
  const { answer } = await below.send("GET", "/below/here?x");
  assert.equal(upstream.last.target, "/base/here?x");
  assert.equal(answer.headers.location, `${below.nexus.origin}/below/next`);
  await send("GET", "/other/here");
  assert.equal(upstream.last.target, "/here");
});

/** The value once it has not changed for half a second. */
async function waitUntilSteady(read: () => number): Promise<number> {
  let last = read();
  let since = performance.now();
  return await waitFor(
    () => {
      if (read() !== last) since = performance.now();
      last = read();
      return last > 0 && performance.now() - since > 500 ? last : undefined;
    },
    { what: "a flow that stands still" },
  );
}
