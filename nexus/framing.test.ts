// Whether a service ever sees a request that the gateway has not judged (request smuggling).
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connectRaw } from "@hivematrix/lib/raw_http_testing";
import type { TestScope } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import fc from "fast-check";
import {
  type ForeignUpstream,
  type SeenRequest,
  startNginxUpstream,
  startPythonUpstream,
  withoutForeign,
} from "./foreign_upstreams_testing.ts";
import { startForwarding } from "./forward_testing.ts";
import { type FramingCase, framingCases } from "./framing_corpus_testing.ts";
import { type RawUpstream, startRawUpstream } from "./raw_upstream_testing.ts";
import type { TestNexus } from "./testing.ts";
import { startUpstream, type TestUpstream } from "./upstream_testing.ts";

/** Attacks side by side: each has a connection of its own. */
const abreast = 12;
/** Nothing more comes by then, as a rule; what comes later is judged all the same. */
const quietMs = 150;

/** Sends every case of the corpus, an honest request behind each, and compares what was seen. */
async function attack(
  scope: TestScope,
  upstream: ForeignUpstream,
  choose: (cases: FramingCase[]) => FramingCase[] = (cases) => cases,
) {
  const services = { victim: { url: upstream.url } };
  const { nexus, authorization, send } = await startForwarding(scope, { services });
  const credential = `Authorization: ${authorization}`;
  const corpus = framingCases(nexus.url.host, "/victim", credential);
  assert.ok(corpus.length > 150);
  const cases = choose(corpus);
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

function answerWithTarget(upstream: RawUpstream): void {
  upstream.answer(({ method, target, socket }) => {
    const length = `HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n`;
    socket.write(method === "HEAD" ? length : length + target);
  });
}

/** An upload that its client breaks off is broken off here too; the gateway has written its head. */
function isNoUpload(garbage: string): boolean {
  return !/^cut off: [A-Z-]+ \/[!-~]* HTTP\/1\.1\r\nhost: /.test(garbage);
}

function seenBy({ requests }: Pick<RawUpstream | TestUpstream, "requests">): SeenRequest[] {
  return requests.map(({ method, target, headers }) => ({
    method,
    target,
    requestId: headers("x-request-id").join(),
  }));
}

/** A few bytes of a case's head changed: what its name says and a little more. */
const changes = fc.array(
  fc.record({
    at: fc.nat(),
    isInstead: fc.boolean(),
    byte: fc.constantFrom(
      ...'\r\n\0\t :;,"0159afxX\x0b\x7f\xa0\\/#%'.split(""),
      "\r\n",
      "\r\n\r\n",
    ),
  }),
  { minLength: 1, maxLength: 3 },
);

function changeBytes(
  { name, bytes }: FramingCase,
  made: readonly { at: number; isInstead: boolean; byte: string }[],
): FramingCase {
  let changed = bytes;
  for (const { at, isInstead, byte } of made) {
    // Not in the credential: without it nothing gets through.
    const end = Math.max(1, changed.indexOf("Authorization"));
    const rest = changed.lastIndexOf("Bearer");
    const place = at % 2 === 0 ? at % end : rest + 700 + (at % 300);
    changed = changed.slice(0, place) + byte + changed.slice(place + (isInstead ? 1 : 0));
  }
  return { name: `${name}, changed`, bytes: changed };
}

test("R18: a service that reads strictly sees no request that was not judged", async (t) => {
  const upstream = await startRawUpstream(t);
  answerWithTarget(upstream);
  await attack(t, { url: upstream.url, seen: () => seenBy(upstream) });
  assert.deepEqual(upstream.garbage.filter(isNoUpload), []);
});

test("R18: nor does it when a few bytes of such requests are others", async (t) => {
  const upstream = await startRawUpstream(t);
  answerWithTarget(upstream);
  const seed = Number(process.env["PROPERTY_SEED"] ?? Date.now() % 2 ** 31);
  t.diagnostic(`PROPERTY_SEED=${seed}`);
  const numRuns = Number(process.env["PROPERTY_RUNS"] ?? 300);
  await attack(t, { url: upstream.url, seen: () => seenBy(upstream) }, (cases) =>
    fc
      .sample(fc.tuple(fc.constantFrom(...cases), changes), { seed, numRuns })
      .map(([chosen, made]) => changeBytes(chosen, made)),
  );
  assert.deepEqual(upstream.garbage.filter(isNoUpload), []);
});

test("R18: nor when several of them come one behind the other, faster than they are answered", async (t) => {
  const upstream = await startRawUpstream(t);
  upstream.answer(({ method, target, socket }) => {
    const length = `HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n`;
    setTimeout(() => socket.write(method === "HEAD" ? length : length + target), 20);
  });
  const seed = Number(process.env["PROPERTY_SEED"] ?? Date.now() % 2 ** 31);
  t.diagnostic(`PROPERTY_SEED=${seed}`);
  const numRuns = Number(process.env["PROPERTY_RUNS"] ?? 200);
  await attack(t, { url: upstream.url, seen: () => seenBy(upstream) }, (cases) =>
    fc
      .sample(fc.array(fc.constantFrom(...cases), { minLength: 2, maxLength: 4 }), {
        seed,
        numRuns,
      })
      .map((chosen) => ({
        name: chosen.map(({ name }) => name).join(", then "),
        bytes: chosen.map(({ bytes }) => bytes).join(""),
      })),
  );
  assert.deepEqual(upstream.garbage.filter(isNoUpload), []);
});

test("R18: node:http as a service sees no request that was not judged", async (t) => {
  const upstream = await startUpstream(t);
  upstream.answer((incoming, outgoing) => {
    incoming.resume().once("end", () => outgoing.end(incoming.url));
  });
  await attack(t, { url: upstream.url, seen: () => seenBy(upstream) });
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
