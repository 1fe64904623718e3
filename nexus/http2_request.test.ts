import assert from "node:assert/strict";
import { once } from "node:events";
import { constants } from "node:http2";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { closeServer } from "@hivematrix/lib/close_server";
import { listen } from "@hivematrix/lib/serve";
import { waitFor } from "@hivematrix/lib/wait_for";
import { connectFrames, flags, requestHead } from "./http2_frames_testing.ts";
import { answerOf, connectHttp2, startHttp2 } from "./http2_testing.ts";
import { createServer } from "./listener.ts";
import { startNexus } from "./testing.ts";

test("a service sees an HTTP/2 request as it sees one of HTTP/1.1", async (t) => {
  const { nexus, send } = await startHttp2(t);
  const { status, headers, body } = await send({
    ":path": "/template/notes?a=1&a=2",
    accept: "text/html",
    "sec-fetch-dest": "document",
    "sec-fetch-mode": "navigate",
    "x-kept": "caf\xe9",
  });
  assert.equal(status, 200);
  assert.match(String(headers["content-type"]), /text\/html/);
  assert.match(body.toString(), /<p>Hello<\/p>/);
  assert.match(body.toString(), /global\.[\w-]+\.css|global\.css/);
  assert.equal(headers["strict-transport-security"], "max-age=63072000");
  const { last } = nexus.upstream;
  assert.equal(last.target, "/notes?a=1&a=2");
  assert.deepEqual(last.headers("x-forwarded-host"), [nexus.url.host]);
  assert.deepEqual(last.headers("x-forwarded-proto"), ["https"]);
  assert.deepEqual(last.headers("x-forwarded-for"), ["127.0.0.1"]);
  assert.deepEqual(last.headers("x-kept"), ["caf\xe9"]);
  assert.deepEqual(
    last.rawHeaders.filter((name) => name.startsWith(":")),
    [],
  );
});

test("a cookie that comes in several fields is read as one, and the session in it never forwarded", async (t) => {
  const nexus = await startNexus(t, { isSecure: true });
  const browser = await nexus.signIn();
  const session = browser.sessionCookie;
  const { send } = await connectHttp2(t, nexus.origin);
  const cookie = ["theme=dark", `${session?.name}=${session?.value}`, "lang=de"];
  const { status } = await send({ ":path": "/template/", cookie } as never);
  assert.equal(status, 200);
  assert.deepEqual(nexus.upstream.last.headers("cookie"), ["theme=dark; lang=de"]);
});

test("a second host beside :authority is refused when it differs, and harmless when it does not", async (t) => {
  const { nexus, send } = await startHttp2(t);
  const same = await send({
    ":path": "/template/",
    ":authority": nexus.url.host,
    host: nexus.url.host,
  });
  assert.equal(same.status, 200);
  const old = await send({ ":path": "/template/", host: nexus.url.host });
  assert.equal(old.status, 200);
  const both = { ":authority": nexus.url.host, host: "evil.example" };
  const other = await send({ ":path": "/template/", ...both });
  assert.equal(other.status, 400);
  const unknown = await send({ ":path": "/template/", ":authority": "evil.example" });
  assert.equal(unknown.status, 421);
});

test("an answer's fields arrive in lower case, repeated ones too, and none of one connection", async (t) => {
  const { nexus, send } = await startHttp2(t);
  nexus.upstream.answer((_incoming, outgoing) => {
    outgoing.writeHead(203, "Fine with me", [
      ...["X-Some-Name", "caf\xe9", "Set-Cookie", "a=1", "Set-Cookie", "b=2"],
      ...["Vary", "Accept", "Vary", "Cookie", "ETag", '"1"', "etag", '"2"'],
      ...["Connection", "close, x-hop", "X-Hop", "1", "Keep-Alive", "timeout=5"],
      ...["Transfer-Encoding", "chunked", "Upgrade", "h2c", "Content-Type", "text/plain"],
    ]);
    outgoing.end("ok");
  });
  const { status, headers, body } = await send({ ":path": "/template/" });
  assert.equal(status, 203);
  assert.equal(body.toString(), "ok");
  assert.equal(headers["x-some-name"], "caf\xe9");
  assert.deepEqual(headers["set-cookie"], ["a=1", "b=2"]);
  assert.match(String(headers["vary"]), /^Accept, Cookie/);
  assert.equal(headers.etag, '"1", "2"');
  for (const name of ["connection", "x-hop", "keep-alive", "transfer-encoding", "upgrade"])
    assert.equal(headers[name], undefined, name);
});

test("what an answer says of an HTTP/1.1 connection is left out, whoever says it", async (t) => {
  const { settings } = await startNexus(t, { isSecure: true });
  const server = createServer(settings, (incoming, outgoing) => {
    const fields = ["Transfer-Encoding", "chunked", "Connection", "close", "Upgrade", "h2c"];
    const others = ["Keep-Alive", "timeout=5", "Proxy-Connection", "close", "X-Kept", "1"];
    if (incoming.url === "/flat") outgoing.writeHead(200, [...fields, ...others]);
    else outgoing.writeHead(200, "Fine", { "Transfer-Encoding": "chunked", "X-Kept": "1" });
    outgoing.end("ok");
  });
  await listen(server, { port: 0, hostname: "127.0.0.1", service: "nexus" });
  t.after(() => closeServer(server, { drainTimeoutMs: 0 }));
  const { port } = server.address() as AddressInfo;
  const { send } = await connectHttp2(t, `https://127.0.0.1:${port}`);
  for (const path of ["/flat", "/by-name"]) {
    const { status, headers, body } = await send({ ":path": path });
    assert.deepEqual([status, body.toString()], [200, "ok"]);
    assert.deepEqual(Object.keys(headers).sort(), [":status", "date", "x-kept"]);
  }
});

test("HEAD, 204 and 304 are answers without content", async (t) => {
  const { nexus, send } = await startHttp2(t);
  const head = await send({ ":path": "/template/", ":method": "HEAD" });
  assert.deepEqual([head.status, head.body.length], [200, 0]);
  const own = await send({ ":path": "/", ":method": "HEAD" });
  assert.deepEqual([own.status, own.body.length], [200, 0]);
  for (const status of [204, 304]) {
    nexus.upstream.answer((_incoming, outgoing) => outgoing.writeHead(status).end());
    const answer = await send({ ":path": "/template/" });
    assert.deepEqual([answer.status, answer.body.length], [status, 0]);
  }
});

test("an answer's content passes byte for byte, whole in one write or in many", async (t) => {
  const { nexus, send } = await startHttp2(t);
  const everyByte = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  for (const content of [Buffer.alloc(0), everyByte, Buffer.alloc(2_000_000, everyByte)]) {
    nexus.upstream.answer((_incoming, outgoing) => outgoing.end(content));
    const { status, body } = await send({ ":path": "/template/" });
    assert.equal(status, 200);
    assert.ok(body.equals(content), `${body.length} of ${content.length} bytes`);
  }
});

test("an upload without a length reaches the service byte for byte", async (t) => {
  const { nexus, begin } = await startHttp2(t);
  const content = Buffer.alloc(3_000_000, "caf\xe9", "latin1");
  nexus.upstream.answer((incoming, outgoing) => incoming.pipe(outgoing));
  const stream = begin({ ":path": "/template/", ":method": "POST" });
  stream.end(content);
  const { body } = await answerOf(stream);
  assert.ok(body.equals(content), `${body.length} of ${content.length} bytes`);
  assert.deepEqual(nexus.upstream.last.headers("transfer-encoding"), ["chunked"]);
});

test("an upload that the client breaks off never looks whole to the service", async (t) => {
  const { nexus, authorization } = await startHttp2(t);
  const client = await connectFrames(t, nexus.url);
  const events: string[] = [];
  nexus.upstream.answer((incoming) => {
    incoming.on("data", () => events.push("data"));
    incoming.on("end", () => events.push("end"));
    incoming.on("close", () => events.push(incoming.complete ? "whole" : "broken"));
    incoming.on("error", () => {});
  });
  for (const [stream, code] of [
    [1, constants.NGHTTP2_CANCEL],
    // For node that is the end of the upload.
    [3, constants.NGHTTP2_NO_ERROR],
  ] as const) {
    const head = requestHead(nexus.url, "/template/", { method: "POST", authorization });
    client.send("headers", stream, flags.endHeaders, head);
    client.send("data", stream, 0, Buffer.from("half of it"));
    await waitFor(() => events.length === 1);
    client.send("rstStream", stream, 0, Buffer.from([0, 0, 0, code]));
    await waitFor(() => events.length > 1);
    assert.deepEqual(events.splice(0), ["data", "broken"], `code ${code}`);
  }
});

test("an answer that comes before the upload has been read ends the upload without an error", async (t) => {
  const { begin } = await startHttp2(t);
  // Nexus's own answer: nobody reads the content.
  const stream = begin({ ":path": "/template/", ":method": "POST", authorization: "Bearer x" });
  stream.on("error", () => {});
  const more = setInterval(() => stream.writable && stream.write(Buffer.alloc(100_000)), 5);
  t.after(() => clearInterval(more));
  const { status } = await answerOf(stream);
  assert.equal(status, 401);
  await waitFor(() => stream.closed);
  assert.equal(stream.rstCode, constants.NGHTTP2_NO_ERROR);
});

test("a service that breaks off in the middle resets the stream and nothing else", async (t) => {
  const { nexus, authorization } = await startHttp2(t);
  const client = await connectFrames(t, nexus.url);
  nexus.upstream.answer((incoming, outgoing) => {
    if (incoming.url === "/fine") outgoing.end("fine");
    else outgoing.write("the first half", () => outgoing.destroy());
  });
  const get = (stream: number, path: string) => {
    const head = requestHead(nexus.url, path, { authorization });
    client.send("headers", stream, flags.endHeaders | flags.endStream, head);
  };
  get(1, "/template/broken");
  const { payload } = await client.waitForFrame("rstStream", 1);
  assert.equal(payload.readUInt32BE(), constants.NGHTTP2_INTERNAL_ERROR);
  const ends = client.frames.filter((frame) => frame.stream === 1 && frame.type < 2);
  assert.ok(ends.every((frame) => (frame.flags & flags.endStream) === 0));
  get(3, "/template/fine");
  await client.waitForFrame("data", 3);
});

test("a client that leaves a stream has the service's work aborted", async (t) => {
  const { nexus, begin, send } = await startHttp2(t);
  let isGone = false;
  nexus.upstream.answer((_incoming, outgoing) => {
    outgoing.write("data: 1\n\n");
    outgoing.once("close", () => {
      isGone = true;
    });
  });
  const stream = begin({ ":path": "/template/events" });
  await once(stream, "data");
  stream.close(constants.NGHTTP2_CANCEL);
  await waitFor(() => isGone);
  nexus.upstream.answer((_incoming, outgoing) => outgoing.end("fine"));
  assert.equal((await send({ ":path": "/template/" })).status, 200);
  const line = await waitFor(() => nexus.logLines.find((each) => each.includes("/events")));
  assert.equal(JSON.parse(line).aborted, true);
});

test("R15: an HTTP/2 stream is reset when its session ends, and the connection lives on", async (t) => {
  const { nexus, begin, send, authorization } = await startHttp2(t);
  nexus.upstream.answer((_incoming, outgoing) => void outgoing.write("data: 1\n\n"));
  const stream = begin({ ":path": "/template/events" });
  const closed = once(stream, "close").catch((error: Error) => error);
  await once(stream, "data");
  const token = authorization.replace("Bearer ", "");
  const revoked = await fetch(`${nexus.core.url}/api/token/revoke`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token }),
  });
  assert.equal(revoked.status, 200);
  await closed;
  assert.equal(stream.rstCode, constants.NGHTTP2_INTERNAL_ERROR);
  assert.equal((await send({ ":path": "/health" })).status, 200);
  assert.equal((await send({ ":path": "/template/api/x" })).status, 401);
});

test("CONNECT and TRACE are refused", async (t) => {
  const { begin, send } = await startHttp2(t);
  const stream = begin({ ":method": "CONNECT", ":authority": "127.0.0.1:22" });
  const [headers] = await once(stream, "response");
  assert.equal((headers as Record<string, unknown>)[":status"], 405);
  await text(stream);
  assert.equal((await send({ ":method": "TRACE", ":path": "/" })).status, 405);
});
