// What forward.ts does while requests and answers are still on their way.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { connectRaw } from "@hivematrix/lib/raw_http_testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { answerOf, open, startForwarding } from "./forward_testing.ts";
import { upstreamPage } from "./upstream_testing.ts";

const MiB = 1024 * 1024;

/** As a script asks, so that nothing is composed. */
const fetched = { "sec-fetch-dest": "empty" };

test("a request's body reaches the service while it is still being sent", async (t) => {
  const { nexus, begin } = await startForwarding(t);
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
  const { nexus, authorization } = await startForwarding(t);
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
  const { nexus, authorization } = await startForwarding(t);
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
  const { nexus, begin } = await startForwarding(t);
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
  const { nexus, begin } = await startForwarding(t);
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
  const { nexus, begin } = await startForwarding(t);
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

test("requests that wait behind another one on their connection end with it too", async (t) => {
  const { nexus, authorization } = await startForwarding(t);
  const { upstream } = nexus;
  upstream.answer((incoming, outgoing) => {
    if (incoming.url === "/endless") outgoing.write("the beginning");
  });
  const seen = upstream.requests.length;
  const { socket } = await open(nexus, authorization, ["GET /template/late HTTP/1.1"]);
  for (const path of ["endless", "late"]) {
    const lines = [`GET /template/${path} HTTP/1.1`, `Host: ${nexus.url.host}`];
    socket.write(`${[...lines, `Authorization: ${authorization}`].join("\r\n")}\r\n\r\n`);
  }
  await waitFor(() => upstream.requests.length === seen + 3, { what: "three requests" });
  socket.destroy();
  const ours = upstream.requests.slice(seen);
  await waitFor(() => ours.every(({ outgoing }) => outgoing.destroyed), { what: "their end" });
  await waitFor(
    () => nexus.logLines.filter((line) => line.includes('"aborted":true')).length === 3,
  );
});

test("a browser that is gone before its session is checked costs the service nothing", async (t) => {
  const { nexus, begin } = await startForwarding(t);
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
  const { nexus, begin } = await startForwarding(t);
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
  const { nexus, begin } = await startForwarding(t);
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

test("many event streams of one service leave room for everybody's other requests", async (t) => {
  const { nexus, begin, send } = await startForwarding(t);
  nexus.upstream.answer(({ url }, outgoing) => {
    if (url === "/events") outgoing.writeHead(200, { "content-type": "text/event-stream" });
    else outgoing.end("served");
    outgoing.flushHeaders();
  });
  const streams = Array.from({ length: 300 }, () => begin("GET", "/template/events", fetched));
  t.after(() => {
    for (const stream of streams) stream.destroy();
  });
  const heads = streams.map(answerOf);
  for (const stream of streams) stream.end();
  await Promise.all(heads);
  assert.equal((await send("GET", "/template/", fetched)).body, "served");
});
