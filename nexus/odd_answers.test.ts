// A service can answer anything: the gateway passes it on, or says 502, and lives.
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { waitFor } from "@hivematrix/lib/wait_for";
import fc from "fast-check";
import { open, startForwarding } from "./forward_testing.ts";
import { startRawUpstream } from "./raw_upstream_testing.ts";

const answers = [
  "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 26\r\n\r\n<!DOCTYPE html><p>hello</p>",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nETag: x\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
  "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/x\r\nSet-Cookie: a=b; Path=/; Domain=x\r\n\r\n",
  "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: x\r\n\r\n",
  "HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 204 No Content\r\nRefresh: 5; url=/\r\n\r\n",
  "HTTP/1.0 500 Oh\r\nContent-Security-Policy: default-src 'none'\r\nLink: <http://[>\r\n\r\nsorry",
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x02hi",
  "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-4/9\r\nContent-Encoding: gzip\r\n\r\nhello",
];

/** Bytes put in, or instead of others, mostly within the head. */
const changes = fc.array(
  fc.record({
    at: fc.nat(160),
    length: fc.nat(3),
    bytes: fc.oneof(
      fc.uint8Array({ maxLength: 2 }).map((bytes) => String.fromCharCode(...bytes)),
      fc.constantFrom(
        "\r\n",
        "\r\n\r\n",
        "\0",
        "\x7f",
        "\xff",
        ":",
        "999",
        "000",
        "-1",
        "\r\nX: ",
        "HTTP/1.1 ",
      ),
    ),
  }),
  { maxLength: 3 },
);

test("whatever a service answers, its browser gets an answer or an end, and nobody else notices", async (t) => {
  const upstream = await startRawUpstream(t);
  const services = { raw: { url: upstream.url } };
  const timeoutsMs = { connect: 1000, head: 1000, idle: 1000 };
  const { nexus, authorization } = await startForwarding(t, { services, timeoutsMs });
  const kinds = fc.constantFrom(
    ["Sec-Fetch-Dest: document", "Connection: close"],
    ["Sec-Fetch-Dest: empty", "Connection: close"],
    ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="],
  );
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...answers), changes, kinds, async (base, made, lines) => {
      let answer = base;
      for (const { at, length, bytes } of made) {
        const place = at % (answer.length + 1);
        answer = answer.slice(0, place) + bytes + answer.slice(place + length);
      }
      upstream.answer(({ socket }) => socket.end(answer, "latin1"));
      const { socket, received } = await open(nexus, authorization, [
        "GET /raw/ HTTP/1.1",
        ...lines,
      ]);
      socket.on("error", () => {});
      if (!socket.closed) await once(socket, "close");
      assert.ok(received() === "" || /^HTTP\/1\.1 \d{3} /.test(received()), JSON.stringify(answer));
    }),
    { numRuns: Number(process.env["PROPERTY_RUNS"] ?? 200) },
  );
  upstream.answer(({ socket }) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  const { received } = await open(nexus, authorization, [
    "GET /raw/ HTTP/1.1",
    "Connection: close",
  ]);
  await waitFor(() => received().endsWith("ok"));
});
