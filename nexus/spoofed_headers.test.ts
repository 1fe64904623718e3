// R16 at the running gateway: what it sets itself cannot be sent by a client, however it is spelled.
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import fc from "fast-check";
import { open, startForwarding } from "./forward_testing.ts";
import { startRawUpstream } from "./raw_upstream_testing.ts";

/** What the gateway sets, each once. */
const set =
  "x-forwarded-for x-forwarded-proto x-forwarded-host x-forwarded-port x-forwarded-prefix x-request-id traceparent".split(
    " ",
  );
/** What it may set one day, or what some server takes for the truth. */
const reserved = [
  ...set,
  ..."x-forwarded-user x-forwarded-uri x-forwarded-server x-real-ip forwarded via".split(" "),
  ..."x-original-url x-rewrite-url proxy-authorization".split(" "),
];

const spelling = fc
  .tuple(fc.constantFrom(...reserved), fc.constantFrom(..."-_.~!$'*+^`|%&#".split("")))
  .chain(([name, separator]) => fc.mixedCase(fc.constant(name.replaceAll("-", separator))));
/** A line, and perhaps a Connection header that would have a naive gateway drop its own. */
const line = fc.oneof(
  fc
    .tuple(spelling, fc.constantFrom("", " ", "\t", "  "), fc.constantFrom("", " ", "\t"))
    .map(([name, before, after]) => `${name}:${before}forged${after}`),
  fc
    .tuple(fc.mixedCase(fc.constant("connection")), fc.constantFrom(...reserved, "authorization"))
    .map(([name, named]) => `${name}: ${named}, close`),
  fc.mixedCase(fc.constant("authorization")).map((name) => `${name}: Bearer forged`),
  fc.constant("X-Harmless: kept"),
);

test("R16: a service sees the gateway's own headers once and never the client's, raw", async (t) => {
  const upstream = await startRawUpstream(t);
  const services = { raw: { url: upstream.url } };
  const { nexus, authorization } = await startForwarding(t, { services });
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 6 }), async (lines) => {
      const seen = upstream.requests.length;
      const head = ["GET /raw/x HTTP/1.1", "Connection: close"];
      // The client's own credential comes first: `open` puts it behind the lines that it is given.
      const { socket, received } = await open(
        nexus,
        `${authorization}\r\n${lines.join("\r\n")}`,
        head,
      );
      await once(socket, "close");
      // A line that is missing would end the head too early.
      const isEmpty = lines.length === 0;
      assert.match(received(), isEmpty ? /^HTTP\/1\.1 (?:200|400) / : /^HTTP\/1\.1 200 /);
      if (isEmpty) return;
      const request = upstream.requests[seen];
      assert.ok(request !== undefined && upstream.requests.length === seen + 1);
      assert.ok(
        !request.rawHeaders.some((text) => /forged/.test(text)),
        String(request.rawHeaders),
      );
      for (const name of set) assert.equal(request.headers(name).length, 1, name);
      assert.deepEqual(request.headers("authorization"), [authorization]);
      assert.deepEqual(request.headers("x-forwarded-for"), ["127.0.0.1"]);
      assert.deepEqual(request.headers("x-forwarded-host"), [nexus.url.host]);
      const harmless = lines.filter((sent) => sent.startsWith("X-Harmless"));
      assert.equal(request.headers("x-harmless").length, harmless.length);
    }),
    { numRuns: Number(process.env["PROPERTY_RUNS"] ?? 150) },
  );
});

test("R16: a header that only some servers read as another one is refused", async (t) => {
  const upstream = await startRawUpstream(t);
  const services = { raw: { url: upstream.url } };
  const { nexus, authorization } = await startForwarding(t, { services });
  for (const odd of [
    "X-Forwarded-For : forged",
    "X-Forwarded-For\t: forged",
    " X-Forwarded-For: forged",
    "X-Harmless: a\r\n X-Forwarded-For: forged",
    "X-Harmless: a\nX-Forwarded-For: forged",
    "X-Harmless: a\rX-Forwarded-For: forged",
    "X-Forwarded-For\x00: forged",
    "X-Forwarded-\xd6r: forged",
    "X-Harmless: a\x00X-Forwarded-For: forged",
  ]) {
    const head = ["GET /raw/x HTTP/1.1", "Connection: close", odd];
    const { socket, received } = await open(nexus, authorization, head);
    await once(socket, "close");
    assert.match(received(), /^HTTP\/1\.1 400 /, JSON.stringify(odd));
  }
  assert.equal(upstream.requests.length, 0);
});

test("R16: the session's cookie never reaches a service, wherever it stands in the header", async (t) => {
  const upstream = await startRawUpstream(t);
  const services = { raw: { url: upstream.url } };
  const { nexus } = await startForwarding(t, { services });
  const browser = await nexus.signIn();
  const [cookie] = browser.cookies;
  assert.ok(cookie !== undefined);
  const own = `${cookie.name}=${cookie.value}`;
  const other = fc.constantFrom("a=1", "b", "=c", 'd="x', 'e=y"', "theme=dark", "", " ", "f=1=2");
  const gap = fc.constantFrom("; ", ";", " ;\t", ";;");
  await fc.assert(
    fc.asyncProperty(
      fc.array(other, { maxLength: 3 }),
      fc.array(other, { maxLength: 3 }),
      gap,
      fc.boolean(),
      async (before, after, between, isTwice) => {
        const header = [...before, own, ...(isTwice ? [own] : []), ...after].join(between);
        const seen = upstream.requests.length;
        const head = ["GET /raw/x HTTP/1.1", "Connection: close", `Cookie: ${header}`];
        const { socket } = await open(nexus, "none", head);
        await once(socket, "close");
        for (const request of upstream.requests.slice(seen)) {
          assert.ok(!request.rawHeaders.join().includes(cookie.value), header);
          assert.ok(!request.rawHeaders.join().includes(cookie.name), header);
        }
      },
    ),
    { numRuns: 60 },
  );
  assert.ok(upstream.requests.length > 0);
});
