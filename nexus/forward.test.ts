import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { waitFor } from "@hivematrix/lib/wait_for";
import { answerOf, open, startForwarding } from "./forward_testing.ts";
import { startNexus } from "./testing.ts";

test("methods, targets, headers and bodies arrive as they were sent, byte for byte", async (t) => {
  const { nexus, send } = await startForwarding(t);
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
  const { nexus, begin, send } = await startForwarding(t);
  nexus.upstream.answer((incoming, outgoing) => incoming.pipe(outgoing));
  const chunked = begin("POST", "/template/", { "transfer-encoding": "chunked" });
  chunked.write("first ");
  chunked.end("second");
  assert.equal(await text(await answerOf(chunked)), "first second");
  const { body } = await send("GET", "/template/", { "content-length": "4" }, "body");
  assert.equal(body, "body");
});

test("answers without content and parts of one arrive as they are", async (t) => {
  const { nexus, send } = await startForwarding(t);
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
  const { nexus, send } = await startForwarding(t);
  nexus.upstream.answer((_incoming, outgoing) => {
    outgoing.writeHead(200, { "content-type": "text/plain", "content-length": "1234" }).end();
  });
  const { answer, body } = await send("HEAD", "/template/x");
  assert.equal(answer.headers["content-length"], "1234");
  assert.equal(body, "");
});

test("addresses in Location, Content-Location, Refresh and Set-Cookie become public", async (t) => {
  const { nexus, send } = await startForwarding(t);
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
  const { nexus, send } = await startForwarding(t);
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
  const { nexus, send } = await startForwarding(t);
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
  const { nexus, send } = await startForwarding(t);
  nexus.upstream.answer((_incoming, outgoing) => {
    outgoing.writeEarlyHints({ link: "</a.css>; rel=preload" });
    setImmediate(() => outgoing.writeHead(201).end("made"));
  });
  const { answer, body } = await send("GET", "/template/x");
  assert.equal(answer.statusCode, 201);
  assert.equal(body, "made");
});

test("a client of HTTP/1.0 gets an answer that ends with the connection", async (t) => {
  const { nexus, authorization } = await startForwarding(t);
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
  const { nexus, authorization } = await startForwarding(t);
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
  const { nexus, begin } = await startForwarding(t);
  nexus.upstream.answer((incoming, outgoing) => incoming.pipe(outgoing));
  const sent = begin("POST", "/template/", { expect: "100-continue", "content-length": "4" });
  sent.flushHeaders();
  await once(sent, "continue");
  sent.end("body");
  assert.equal(await text(await answerOf(sent)), "body");
});

test("connections to a service are used again, and one that it has closed costs nothing", async (t) => {
  const { nexus, send } = await startForwarding(t);
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

test("an upgrade that is not offered here is an ordinary request to the service", async (t) => {
  const { nexus, send } = await startForwarding(t);
  const headers = { connection: "upgrade", upgrade: "h2c", "http2-settings": "x" };
  const { answer } = await send("GET", "/template/x", headers);
  assert.equal(answer.statusCode, 200);
  assert.deepEqual(nexus.upstream.last.headers("upgrade"), []);
  // An answer that does not fit into the socket at once, too.
  const content = "x".repeat(3_000_000);
  nexus.upstream.answer((_incoming, outgoing) => void outgoing.end(content));
  assert.ok((await send("GET", "/template/long", headers)).body === content);
});

test("a service below a path of its own is reached there and named without it", async (t) => {
  const { nexus, send } = await startForwarding(t, { services: { other: {} } });
  const { upstream } = nexus;
  const below = await startForwarding(t, { services: { below: { url: `${upstream.url}/base/` } } });
  upstream.answer((_incoming, outgoing) => {
    outgoing.writeHead(302, { location: `${upstream.url}/base/next` }).end();
  });
  const { answer } = await below.send("GET", "/below/here?x");
  assert.equal(upstream.last.target, "/base/here?x");
  assert.equal(answer.headers.location, `${below.nexus.origin}/below/next`);
  await send("GET", "/other/here");
  assert.equal(upstream.last.target, "/here");
});
