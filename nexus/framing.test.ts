// Whether a service ever sees a request that the gateway has not judged (request smuggling).
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connectRaw } from "@hivematrix/lib/raw_http_testing";
import type { TestScope } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import {
  type ForeignUpstream,
  type SeenRequest,
  startNginxUpstream,
  startPythonUpstream,
  withoutForeign,
} from "./foreign_upstreams_testing.ts";
import { startForwarding } from "./forward_testing.ts";
import { framingCases } from "./framing_corpus_testing.ts";
import { startRawUpstream } from "./raw_upstream_testing.ts";
import type { TestNexus } from "./testing.ts";
import { startUpstream } from "./upstream_testing.ts";

/** Attacks side by side: each has a connection of its own. */
const abreast = 12;
/** Nothing more comes by then, as a rule; what comes later is judged all the same. */
const quietMs = 150;

/** Sends every case of the corpus, an honest request behind each, and compares what was seen. */
async function attack(scope: TestScope, upstream: ForeignUpstream) {
  const services = { victim: { url: upstream.url } };
  const { nexus, authorization, send } = await startForwarding(scope, { services });
  const credential = `Authorization: ${authorization}`;
  const cases = framingCases(nexus.url.host, "/victim", credential);
  assert.ok(cases.length > 150);
  let honest = 0;
  const work = async () => {
    for (let next = cases.pop(); next !== undefined; next = cases.pop()) {
      await sendAndWait(nexus, next.bytes);
      const path = `/honest/${honest++}`;
      const { answer, body } = await send("GET", `/victim${path}`);
      // Whoever comes next must get an answer of his own.
      assert.equal(answer.statusCode, 200, `behind "${next.name}"`);
      assert.equal(body, path, `behind "${next.name}"`);
    }
  };
  await Promise.all(Array.from({ length: abreast }, work));
  await waitFor(
    () => {
      const judged = readJudged(nexus);
      return upstream.seen().every(({ requestId }) => judged.has(requestId));
    },
    { timeoutMs: 3000 },
  ).catch(() => {});
  const judged = readJudged(nexus);
  const ids = new Set<string>();
  for (const { method, target, requestId } of upstream.seen()) {
    const what = `${method} ${target} with id "${requestId}"`;
    const path = `/victim${target.split("?")[0]}`;
    assert.deepEqual(judged.get(requestId), { method, path }, what);
    assert.ok(!ids.has(requestId), `${what} came twice`);
    ids.add(requestId);
  }
  assert.ok(ids.size > honest, "some cases of the corpus are honest requests");
}

/** The requests that the gateway has judged, by their id. */
function readJudged(nexus: TestNexus): Map<string, { method: string; path: string }> {
  const judged = new Map<string, { method: string; path: string }>();
  for (const line of nexus.logLines) {
    const { message, request_id, method, path } = JSON.parse(line);
    if (message === "request") judged.set(request_id, { method, path });
  }
  return judged;
}

/** Until the gateway has closed the connection, or has nothing more to say. */
async function sendAndWait(nexus: TestNexus, bytes: string): Promise<void> {
  const socket = await connectRaw(nexus.url);
  socket.on("error", () => {});
  let heardAt = performance.now();
  socket.on("data", () => {
    heardAt = performance.now();
  });
  socket.write(bytes, "latin1");
  while (!socket.destroyed && performance.now() - heardAt < quietMs) await sleep(10);
  socket.destroy();
}

test("R18: a service that reads strictly sees no request that was not judged", async (t) => {
  const upstream = await startRawUpstream(t);
  upstream.answer(({ method, target, socket }) => {
    const length = `HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n`;
    socket.write(method === "HEAD" ? length : length + target);
  });
  const seen = () =>
    upstream.requests.map(
      ({ method, target, headers }): SeenRequest => ({
        method,
        target,
        requestId: headers("x-request-id").join(),
      }),
    );
  await attack(t, { url: upstream.url, seen });
  // An upload that its client breaks off is broken off here too.
  const odd = upstream.garbage.filter((text) => !/^cut off: (?:POST|GET) \/sent /.test(text));
  assert.deepEqual(odd, []);
});

test("R18: node:http as a service sees no request that was not judged", async (t) => {
  const upstream = await startUpstream(t);
  upstream.answer((incoming, outgoing) => {
    incoming.resume().once("end", () => outgoing.end(incoming.url));
  });
  const seen = () =>
    upstream.requests.map(
      ({ method, target, headers }): SeenRequest => ({
        method,
        target,
        requestId: headers("x-request-id").join(),
      }),
    );
  await attack(t, { url: upstream.url, seen });
});

test(
  "R18: Python's http.server as a service sees no request that was not judged",
  {
    skip: withoutForeign.python,
  },
  async (t) => attack(t, await startPythonUpstream(t)),
);

test(
  "R18: nginx as a service sees no request that was not judged",
  {
    skip: withoutForeign.nginx,
  },
  async (t) => attack(t, await startNginxUpstream(t)),
);
