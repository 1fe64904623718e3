import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type ForwardedFacts, requestHeaders, responseHeaders } from "./forwarded_headers.ts";

const facts: ForwardedFacts = {
  clientAddress: "192.0.2.7",
  protocol: "https",
  host: "hive.example.org",
  port: "443",
  prefix: "/template",
  requestId: "the-request-id",
  traceparent: "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01",
  authorization: "Bearer the-token",
  cookie: "theme=dark",
  mayBeComposed: false,
};

const own = {
  "x-forwarded-for": "192.0.2.7",
  "x-forwarded-proto": "https",
  "x-forwarded-host": "hive.example.org",
  "x-forwarded-port": "443",
  "x-forwarded-prefix": "/template",
  "x-request-id": "the-request-id",
  traceparent: facts.traceparent,
  authorization: "Bearer the-token",
  cookie: "theme=dark",
};

/** Names in lower case with all their values. */
function collect(headers: readonly string[]): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]?.toLowerCase() ?? "";
    found[name] = [...(found[name] ?? []), headers[i + 1] ?? ""];
  }
  return found;
}

const ownAlone = Object.fromEntries(Object.entries(own).map(([name, value]) => [name, [value]]));

test("the gateway's own headers are there, each once, and nothing else is added", () => {
  assert.deepEqual(collect(requestHeaders([], facts)), ownAlone);
});

test("without a token or cookie there is no such header", () => {
  const headers = collect(requestHeaders([], { ...facts, authorization: undefined, cookie: "" }));
  assert.ok(!("authorization" in headers) && !("cookie" in headers));
});

test("other headers pass in their order, spelling and number", () => {
  const raw = ["Accept", "text/html", "X-Tag", "1", "x-tag", "2", "Content-Type", "text/plain"];
  assert.deepEqual(requestHeaders(raw, facts).slice(0, raw.length), raw);
});

test("R16: what the gateway sets cannot be sent by the client", () => {
  for (const name of [
    ...Object.keys(own),
    "X-Forwarded-User",
    "X-Forwarded-Uri",
    "Forwarded",
    "Host",
    "Via",
    "X-Real-IP",
    "X-Original-URL",
    "X-Rewrite-URL",
  ]) {
    for (const spelling of [name, name.toUpperCase(), name.replaceAll("-", "_")]) {
      const headers = collect(requestHeaders([spelling, "forged", spelling, "again"], facts));
      assert.deepEqual(headers, ownAlone, spelling);
    }
  }
});

test("R16: no spelling that some server reads as one of them gets through", () => {
  const separators = fc.constantFrom(..."-_.!#$%&'*+^`|~".split(""));
  const spelling = fc
    .tuple(
      fc.constantFrom(...Object.keys(own), "x-forwarded-user", "transfer-encoding"),
      separators,
    )
    .chain(([name, separator]) => fc.mixedCase(fc.constant(name.replaceAll("-", separator))));
  fc.assert(
    fc.property(fc.array(spelling, { minLength: 1, maxLength: 4 }), (names) => {
      const raw = names.flatMap((name) => [name, "forged"]);
      assert.deepEqual(collect(requestHeaders(raw, facts)), ownAlone);
    }),
  );
});

test("hop-by-hop headers stay behind, those that Connection names among them", () => {
  const raw = [
    ...["Connection", "close, X-Secret", "connection", "x-other"],
    ...["X-Secret", "1", "X-Other", "2", "Keep-Alive", "timeout=5", "TE", "trailers"],
    ...["Trailer", "X", "Transfer-Encoding", "chunked", "Upgrade", "h2c"],
    ...["Proxy-Authorization", "Basic x", "Proxy-Connection", "close", "Expect", "100-continue"],
    ...["Content_Length", "5", "Content_Type", "text/html"],
  ];
  assert.deepEqual(collect(requestHeaders(raw, facts)), ownAlone);
});

test("R16: naming the gateway's headers in Connection does not take them away", () => {
  const raw = ["Connection", "authorization, x-forwarded-for, x-request-id, cookie"];
  assert.deepEqual(collect(requestHeaders(raw, facts)), ownAlone);
});

test("only what may be composed is asked for uncompressed", () => {
  const raw = ["Accept-Encoding", "gzip, br"];
  const composed = collect(requestHeaders(raw, { ...facts, mayBeComposed: true }));
  assert.deepEqual(composed["accept-encoding"], ["identity"]);
  assert.deepEqual(collect(requestHeaders(raw, facts))["accept-encoding"], ["gzip, br"]);
});

test("an answer loses what belongs to its connection and what names its software", () => {
  const raw = [
    ...["Connection", "x-hop", "X-Hop", "1", "Keep-Alive", "timeout=5", "Server", "x/1"],
    ...["X-Powered-By", "y", "Transfer-Encoding", "chunked", "Set-Cookie", "a=1"],
    ...["Set-Cookie", "b=2", "ETag", '"1"'],
  ];
  assert.deepEqual(responseHeaders(raw), [
    ...["Set-Cookie", "a=1", "Set-Cookie", "b=2", "ETag", '"1"'],
  ]);
});
