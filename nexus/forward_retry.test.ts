// The one retry: only where a connection that had been used before dies before a byte of the answer.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestScope } from "@hivematrix/lib/testing";
import { startForwarding } from "./forward_testing.ts";
import { type RawRequest, startRawUpstream } from "./raw_upstream_testing.ts";

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/** A gateway with one idle connection to a service, whose next request will meet `die`. */
async function startIdle(scope: TestScope, die: (request: RawRequest) => unknown) {
  const upstream = await startRawUpstream(scope);
  const services = { raw: { url: upstream.url } };
  const { send } = await startForwarding(scope, { services });
  assert.equal((await send("GET", "/raw/first")).answer.statusCode, 200);
  upstream.answer((request) => {
    if (request.index > 0) die(request);
    else request.socket.write(ok);
  });
  const reached = () => upstream.requests.length - 1;
  return { upstream, send, reached };
}

const deaths: Record<string, (request: RawRequest) => unknown> = {
  "with FIN": ({ socket }) => socket.end(),
  "with RST": ({ socket }) => socket.resetAndDestroy(),
};

for (const [how, die] of Object.entries(deaths)) {
  test(`a request that meets an idle connection's end ${how} is sent once more`, async (t) => {
    for (const method of ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]) {
      const { upstream, send, reached } = await startIdle(t, die);
      const { answer, body } = await send(method, "/raw/again?a=b");
      assert.equal(answer.statusCode, 200, method);
      assert.equal(body, method === "HEAD" ? "" : "hello");
      assert.equal(reached(), 2);
      const [one, other] = upstream.requests.slice(-2);
      assert.equal(one?.target, other?.target);
      assert.deepEqual(one?.rawHeaders, other?.rawHeaders);
    }
  });

  test(`what is not idempotent or has content is never sent twice, if it ends ${how}`, async (t) => {
    for (const [method, content] of [
      ["POST", ""],
      ["PATCH", ""],
      ["POST", "content"],
      ["PUT", "content"],
      ["GET", "content"],
    ] as const) {
      const { send, reached } = await startIdle(t, die);
      const headers = { "content-length": String(content.length) };
      const { answer } = await send(method, "/raw/once", headers, content);
      assert.equal(answer.statusCode, 502, `${method} ${content}`);
      assert.equal(reached(), 1, `${method} ${content}`);
    }
  });

  test(`a request is sent twice at most, and a fresh connection's end ${how} counts`, async (t) => {
    const { upstream, send, reached } = await startIdle(t, die);
    upstream.answer(die);
    assert.equal((await send("GET", "/raw/x")).answer.statusCode, 502);
    assert.equal(reached(), 2);
    // No connection is left to be reused: the first try is the last.
    assert.equal((await send("GET", "/raw/x")).answer.statusCode, 502);
    assert.equal(reached(), 3);
  });

  test(`an answer of which something has come is not asked for again, if it ends ${how}`, async (t) => {
    for (const start of ["H", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 103 Early Hints\r\n\r\n"]) {
      const { send, reached } = await startIdle(t, (request) => {
        request.socket.write(start, () => setTimeout(die, 50, request));
      });
      assert.equal((await send("GET", "/raw/x")).answer.statusCode, 502, start);
      assert.equal(reached(), 1, start);
    }
  });
}

test("a service that is late is not asked twice", async (t) => {
  const upstream = await startRawUpstream(t);
  const services = { raw: { url: upstream.url } };
  const timeoutsMs = { connect: 1000, head: 500, idle: 500 };
  const { send } = await startForwarding(t, { services, timeoutsMs });
  await send("GET", "/raw/first");
  upstream.answer(() => {});
  assert.equal((await send("GET", "/raw/late")).answer.statusCode, 504);
  assert.equal(upstream.requests.length, 2);
});
