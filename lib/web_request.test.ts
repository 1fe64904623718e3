import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, request as httpRequest } from "node:http";
import type { Socket } from "node:net";
import { test } from "node:test";
import { connectRaw, sendRaw } from "./raw_http_testing.ts";
import type { RequestHandler } from "./serve.ts";
import { defer, echo, host, startServer } from "./serve_testing.ts";

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
