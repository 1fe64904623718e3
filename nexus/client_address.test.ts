import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { connectRaw } from "@hivematrix/lib/raw_http_testing";
import { createClientAddress } from "./client_address.ts";
import { startForwarding } from "./forward_testing.ts";

const read = (trusted: readonly string[], peer: string | undefined, forwarded?: string) =>
  createClientAddress(trusted)({
    socket: { remoteAddress: peer },
    headers: forwarded === undefined ? {} : { "x-forwarded-for": forwarded },
  } as never);

test("without a proxy of ours the connection's other end is the client, whatever it claims", () => {
  assert.equal(read([], "192.0.2.1"), "192.0.2.1");
  assert.equal(read([], "192.0.2.1", "203.0.113.9"), "192.0.2.1");
  assert.equal(read(["10.0.0.1"], "192.0.2.1", "203.0.113.9"), "192.0.2.1");
  assert.equal(read(["10.0.0.1"], undefined, "203.0.113.9"), undefined, "it is gone");
});

test("a proxy of ours is believed in what it adds, and in nothing that stood there before", () => {
  const trusted = ["10.0.0.1", "10.0.0.2", "::1"];
  assert.equal(read(trusted, "10.0.0.1", "203.0.113.9"), "203.0.113.9");
  assert.equal(read(trusted, "::ffff:10.0.0.1", "203.0.113.9"), "203.0.113.9");
  assert.equal(read(trusted, "::1", "6.6.6.6, 203.0.113.9"), "203.0.113.9");
  assert.equal(read(trusted, "10.0.0.1", "6.6.6.6, 203.0.113.9, 10.0.0.2"), "203.0.113.9");
  assert.equal(read(trusted, "10.0.0.1", "2001:db8::7"), "2001:db8::7");
});

test("a proxy of ours that says nothing usable is the client itself", () => {
  for (const forwarded of [undefined, "", "unknown", "10.0.0.1", "203.0.113.9, x\u001b[31m"]) {
    assert.equal(read(["10.0.0.1"], "10.0.0.1", forwarded), "10.0.0.1", forwarded);
  }
});

test("a service, the log and the limits get the address that the proxy names", async (t) => {
  const { nexus, authorization } = await startForwarding(t, {
    trustedProxies: ["127.0.0.50"],
    limits: { connections_per_address: 20, sign_in_requests_per_minute: 10 },
  });
  const ask = async (path: string, forwarded: string, from = "127.0.0.50") => {
    const socket = await connectRaw(nexus.url, from);
    const head = [
      `GET ${path} HTTP/1.1`,
      `Host: ${nexus.url.host}`,
      `X-Forwarded-For: ${forwarded}`,
      `Authorization: ${authorization}`,
      "Connection: close",
    ];
    socket.write(`${head.join("\r\n")}\r\n\r\n`);
    return await text(socket);
  };
  await ask("/template/", "6.6.6.6, 203.0.113.9");
  assert.deepEqual(nexus.upstream.last.headers("x-forwarded-for"), ["203.0.113.9"]);
  await ask("/template/", "203.0.113.9", "127.0.0.51");
  assert.deepEqual(nexus.upstream.last.headers("x-forwarded-for"), ["127.0.0.51"]);

  // Its connections are many people's.
  const held = await Promise.all(
    Array.from({ length: 25 }, () => connectRaw(nexus.url, "127.0.0.50")),
  );
  assert.match(await ask("/health", "203.0.113.9"), /^HTTP\/1\.1 200 /);
  for (const socket of held) socket.destroy();

  const answers: string[] = [];
  for (let i = 0; i < 11; i++) answers.push(await ask("/login", "203.0.113.9"));
  assert.match(answers.at(-1) ?? "", /^HTTP\/1\.1 429 /);
  assert.match(await ask("/login", "203.0.113.10"), /^HTTP\/1\.1 302 /);
  const refused = nexus.logLines.find((line) => line.includes('"status":429'));
  assert.equal(JSON.parse(refused ?? "{}").address, "203.0.113.9");
});
