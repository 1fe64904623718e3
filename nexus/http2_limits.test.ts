import assert from "node:assert/strict";
import { once } from "node:events";
import { constants } from "node:http2";
import { test } from "node:test";
import { setImmediate as tick } from "node:timers/promises";
import { waitFor } from "@hivematrix/lib/wait_for";
import {
  connectFrames,
  type Frame,
  flags,
  frameTypes,
  headerBlock,
  requestHead,
} from "./http2_frames_testing.ts";
import { connectHttp2, startHttp2 } from "./http2_testing.ts";
import { defaultLimits } from "./limits.ts";

const get = flags.endHeaders | flags.endStream;

test("more requests at a time than are allowed are refused, the others answered", async (t) => {
  const { nexus, authorization } = await startHttp2(t);
  const client = await connectFrames(t, nexus.url);
  nexus.upstream.answer(() => {});
  await client.waitForFrame("settings");
  const head = requestHead(nexus.url, "/template/", { authorization });
  for (let stream = 1; stream < 2 * 140; stream += 2) client.send("headers", stream, get, head);
  const { stream, payload } = await client.waitForFrame("rstStream");
  assert.equal(stream, 2 * 128 + 1);
  assert.equal(payload.readUInt32BE(), constants.NGHTTP2_REFUSED_STREAM);
});

test("rapid reset: a client that opens and resets streams for ever is thrown out (CVE-2023-44487)", async (t) => {
  const { nexus } = await startHttp2(t);
  const client = await connectFrames(t, nexus.url);
  const head = requestHead(nexus.url, "/health");
  const cancel = Buffer.from([0, 0, 0, constants.NGHTTP2_CANCEL]);
  const answered = () => client.frames.filter(({ type }) => type === frameTypes.ping).length;
  let stream = 1;
  // What were still on its way when the server closes would make the client lose the last frame.
  for (let batch = 1; batch <= 400 && !client.isClosed; batch++) {
    for (const end = stream + 50; stream < end; stream += 2) {
      client.send("headers", stream, get, head);
      client.send("rstStream", stream, 0, cancel);
    }
    client.send("ping", 0, 0, Buffer.alloc(8));
    await waitFor(() => client.isClosed || answered() >= batch);
  }
  await waitFor(() => client.isClosed);
  const { payload } = await client.waitForFrame("goaway");
  assert.equal(payload.readUInt32BE(4), constants.NGHTTP2_ENHANCE_YOUR_CALM);
});

test("a flood of CONTINUATION frames ends the connection, not the memory (CVE-2024-27983)", async (t) => {
  const { nexus } = await startHttp2(t);
  const client = await connectFrames(t, nexus.url);
  client.send("headers", 1, flags.endStream, requestHead(nexus.url, "/health"));
  const more = headerBlock([["x-more", "x".repeat(100)]]);
  for (let sent = 0; sent < 5000 && !client.isClosed; sent++) {
    client.send("continuation", 1, 0, more);
    if (sent % 100 === 0) await tick();
  }
  await waitFor(() => client.isClosed);
});

test("a request with too many or too large fields is refused, and the others go on", async (t) => {
  const { nexus, authorization } = await startHttp2(t);
  const client = await connectFrames(t, nexus.url);
  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-${i}`, "1"]));
  const request = (fields: object) =>
    requestHead(nexus.url, "/template/", { authorization, ...fields });
  client.send("headers", 1, get, request(many(250)));
  const { payload: answer } = await client.waitForFrame("headers", 1);
  assert.ok(answer.includes("431"), answer.toString("latin1"));
  // More than node keeps in mind of one request: there is nobody to answer it.
  client.send("headers", 7, get, request(many(500)));
  const { payload } = await client.waitForFrame("rstStream", 7);
  assert.equal(payload.readUInt32BE(), constants.NGHTTP2_ENHANCE_YOUR_CALM);

  const part = "x".repeat(14_000);
  const fields = { "x-1": part, "x-2": part, "x-3": part, "x-4": part, "x-5": part };
  // Nexus's own page: a service has limits too.
  const large = requestHead(nexus.url, "/health", fields);
  client.send("headers", 9, flags.endStream, large.subarray(0, 16_000));
  for (let from = 16_000; from < large.length; from += 16_000) {
    const isLast = from + 16_000 >= large.length;
    const content = large.subarray(from, from + 16_000);
    client.send("continuation", 9, isLast ? flags.endHeaders : 0, content);
  }
  const { payload: head } = await client.waitForFrame("headers", 9);
  assert.ok(head.includes("431"), head.toString("latin1"));
  const { payload: text } = await client.waitForFrame("data", 9);
  assert.match(text.toString(), /cookies/);
  assert.equal(nexus.upstream.requests.length, 0);

  client.send("headers", 11, get, request({}));
  await client.waitForFrame("data", 11);
  assert.equal(nexus.upstream.requests.length, 1);
});

test("a connection without a request is closed after a while, one with a request is not", async (t) => {
  const limits = { ...defaultLimits, keep_alive_seconds: 1 };
  const { nexus, begin, session } = await startHttp2(t, { limits });
  nexus.upstream.answer((_incoming, outgoing) => void outgoing.write("data: 1\n\n"));
  const events = begin({ ":path": "/template/events" });
  await once(events, "data");
  const idle = await connectHttp2(t, nexus.origin);
  await once(idle.session, "close");
  assert.equal(session.closed, false);
  const closed = once(session, "close");
  events.close(constants.NGHTTP2_CANCEL);
  await closed;
});

test("R18: malformed HTTP/2 requests reach no service", async (t) => {
  const { nexus, authorization } = await startHttp2(t);
  const request = (fields: Record<string, string>, path = "/template/") =>
    requestHead(nexus.url, path, { authorization, ...fields });
  const post = (length: string) => request({ method: "POST", "content-length": length });
  const scheme = [":scheme", "https"] as const;
  const withoutPath = headerBlock([[":method", "GET"], scheme, [":authority", nexus.url.host]]);
  const ended: string[] = [];
  nexus.upstream.answer((incoming) => {
    incoming.resume().on("end", () => ended.push(incoming.url ?? ""));
    incoming.on("error", () => {});
  });
  const cases: [what: string, head: Buffer, content?: string][] = [
    ["transfer-encoding", request({ "transfer-encoding": "chunked" })],
    ["connection", request({ connection: "close" })],
    ["another te than trailers", request({ te: "gzip" })],
    ["upper case", request({ "X-Upper": "1" })],
    ["a line break in the path", request({}, "/template/ HTTP/1.1\r\nx: y")],
    ["a field of an answer", request({ ":status": "200" })],
    ["two paths", request({ ":path": "/core/" })],
    ["no path", withoutPath],
    ["a path without a slash", request({}, "template/")],
    ["content that is shorter than its length", post("50"), "short"],
    ["content that is longer than its length", post("2"), "long enough"],
  ];
  for (const [what, head, content] of cases) {
    const client = await connectFrames(t, nexus.url);
    client.send("headers", 1, content === undefined ? get : flags.endHeaders, head);
    if (content !== undefined) client.send("data", 1, flags.endStream, Buffer.from(content));
    await waitFor(() => client.isClosed || client.frames.some(isRefusal), { what });
    assert.ok(!client.frames.some(({ type }) => type === frameTypes.headers), what);
  }
  assert.deepEqual(ended, []);
});

test("R18: a field that would be two on the next line is dropped", async (t) => {
  const { nexus, authorization } = await startHttp2(t);
  const client = await connectFrames(t, nexus.url);
  const fields = { authorization, "x-one": "1\r\nx-two: 2", "x:three": "3", "x four": "4" };
  client.send("headers", 1, get, requestHead(nexus.url, "/template/", fields));
  await client.waitForFrame("headers", 1);
  const names = nexus.upstream.last.rawHeaders.map((name) => name.toLowerCase());
  assert.ok(!names.some((name) => /^x.?(?:one|two|three|four)/.test(name)), names.join());
});

function isRefusal({ type }: Frame): boolean {
  return type === frameTypes.rstStream || type === frameTypes.goaway;
}
