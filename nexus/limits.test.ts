import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { connectRaw, sendRaw } from "@hivematrix/lib/raw_http_testing";
import { SettingsError } from "@hivematrix/lib/settings";
import { waitFor } from "@hivematrix/lib/wait_for";
import { setValue } from "../helm/config/config_values.ts";
import { findProblem } from "../helm/config/master_rules.ts";
import { makeConfig } from "../helm/testing.ts";
import { open, startForwarding } from "./forward_testing.ts";
import { startHttp2 } from "./http2_testing.ts";
import { defaultLimits, readNexusLimits, shareLimits } from "./limits.ts";
import { startNexus, type TestNexus } from "./testing.ts";

const logged = ({ logLines }: TestNexus, message: string) =>
  logLines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((line) => line["message"] === message);

/** GET /health with these headers, answered in full. */
function ask({ url }: TestNexus, headers: readonly string[], target = "/health") {
  const host = `Host: ${url.host}`;
  return sendRaw(url, [`GET ${target} HTTP/1.1`, host, "Connection: close", ...headers]);
}

/** What a connection is sent until it is closed. */
const received = (socket: Socket) => text(socket).catch((error: unknown) => String(error));

test("a limit that is not set has its default, and a wrong one says how to mend it", () => {
  assert.deepEqual(readNexusLimits({}), defaultLimits);
  assert.equal(readNexusLimits({ LIMIT_HEADER_COUNT: "50" }).header_count, 50);
  for (const value of ["", "0", "-1", "1.5", "many", "1e3", "9999999999"]) {
    assert.throws(
      () => readNexusLimits({ LIMIT_HEADER_COUNT: value }),
      (error: unknown) =>
        error instanceof SettingsError &&
        /LIMIT_HEADER_COUNT .*helm config set/.test(error.message),
      value,
    );
  }
});

test("Helm knows each limit by its name, and lets its default pass", () => {
  const config = (limits: object) => setValue(makeConfig(), "apps.nexus.limits", limits);
  assert.equal(findProblem(config(defaultLimits)), undefined);
  for (const name of Object.keys(defaultLimits)) {
    assert.equal(findProblem(config({ [name]: -1 }))?.key, `apps.nexus.limits.${name}`);
  }
});

test("several processes share what is counted by address, and nothing else", () => {
  const shared = shareLimits(defaultLimits, 7);
  assert.equal(shared.connections_per_address, Math.ceil(3000 / 7));
  assert.equal(shared.sign_in_requests_per_minute, Math.ceil(3000 / 7));
  assert.equal(shared.header_bytes, defaultLimits.header_bytes);
  assert.deepEqual(shareLimits(defaultLimits, 1), defaultLimits);
});

test("a head that is too large is 431, and people learn what to do about it", async (t) => {
  const nexus = await startNexus(t, { limits: { header_bytes: 4096 } });
  assert.match(await ask(nexus, [`Cookie: a=${"x".repeat(3000)}`]), /^HTTP\/1\.1 200 /);
  const refused = await ask(nexus, [`Cookie: a=${"x".repeat(5000)}`]);
  assert.match(refused, /^HTTP\/1\.1 431 /);
  assert.match(refused, /Delete this site's cookies/);
  assert.match(refused, /^X-Content-Type-Options: nosniff\r$/m);
  const [line] = logged(nexus, "request refused");
  assert.deepEqual([line?.["status"], line?.["address"]], [431, "127.0.0.1"]);
});

test("a head of too many headers is 431: none is dropped before it is judged", async (t) => {
  const { nexus, authorization } = await startForwarding(t, { limits: { header_count: 100 } });
  const before = nexus.upstream.requests.length;
  const lines = (count: number) =>
    Array.from({ length: count - 4 }, (_, i) => `X-${i}: ${i}`).concat(
      `Authorization: ${authorization}`,
      "X-Last: 1",
    );
  assert.match(await ask(nexus, lines(100), "/template/"), /^HTTP\/1\.1 200 /);
  assert.deepEqual(nexus.upstream.last.headers("x-last"), ["1"]);
  assert.match(await ask(nexus, lines(101), "/template/"), /^HTTP\/1\.1 431 /);
  assert.equal(nexus.upstream.requests.length, before + 1);

  // Beyond node's own bound, where it would forget the rest and go on.
  const { nexus: lenient } = await startForwarding(t, { limits: { header_count: 3000 } });
  const many = Array.from({ length: 3000 }, () => "X: 1");
  assert.match(await ask(lenient, many, "/health"), /^HTTP\/1\.1 431 /);
});

test("an address that is too long is 414", async (t) => {
  const nexus = await startNexus(t);
  const path = (length: number) => `/health?${"x".repeat(length - "/health?".length)}`;
  assert.match(await ask(nexus, [], path(defaultLimits.address_bytes)), /^HTTP\/1\.1 200 /);
  const refused = await ask(nexus, [], path(defaultLimits.address_bytes + 1));
  assert.match(refused, /^HTTP\/1\.1 414 /);
  assert.match(refused, /This address is too long/);
});

test("a head that does not arrive in time is cut, whether it drips or never begins", async (t) => {
  const nexus = await startNexus(t, { limits: { header_seconds: 1 } });
  const silent = await connectRaw(nexus.url);
  const slow = await connectRaw(nexus.url);
  const drip = setInterval(() => slow.write("X"), 50);
  t.after(() => clearInterval(drip));
  slow.write("GET /health HTTP/1.1\r\n");
  const [answer, nothing] = await Promise.all([received(slow), received(silent)]);
  assert.match(answer, /^HTTP\/1\.1 408 |ECONNRESET|EPIPE/);
  assert.equal(nothing, "", "a browser's connection ahead of need ends without a word");
  const refused = logged(nexus, "request refused").map(({ status }) => status);
  assert.deepEqual(refused, [408]);
});

test("a connection on which nothing more is asked is closed", async (t) => {
  const nexus = await startNexus(t, { limits: { keep_alive_seconds: 1 } });
  const socket = await connectRaw(nexus.url);
  socket.write(`GET /health HTTP/1.1\r\nHost: ${nexus.url.host}\r\n\r\n`);
  assert.match(await received(socket), /^HTTP\/1\.1 200 .*keep-alive/is);
});

test("an upload of which nothing arrives is 408, and the service is told that it broke off", async (t) => {
  const { nexus, authorization } = await startForwarding(t, { limits: { body_idle_seconds: 1 } });
  const broken = new Promise((resolve) => {
    nexus.upstream.answer((incoming) => void incoming.resume().once("error", resolve));
  });
  const head = [
    "POST /template/api/x HTTP/1.1",
    "Content-Length: 1000",
    "Accept: application/json",
  ];
  const { socket, received: answer } = await open(nexus, authorization, head, "first bytes");
  await broken;
  await once(socket, "end");
  assert.match(answer(), /^HTTP\/1\.1 408 .*application\/problem\+json.*Nothing of what you/is);
  assert.match(answer(), /^connection: close\r$/im);
});

test("an upload over HTTP/2 of which nothing arrives is 408, and other streams go on", async (t) => {
  const limits = { body_idle_seconds: 1 };
  const { nexus, begin, send } = await startHttp2(t, { limits });
  nexus.upstream.answer((incoming, outgoing) => {
    if (incoming.url === "/fast") outgoing.end("fast");
    else incoming.resume().on("error", () => {});
  });
  const upload = begin({ ":method": "POST", ":path": "/template/x", "content-length": "100" });
  upload.write("first bytes");
  const [headers] = await once(upload, "response");
  assert.equal(headers[":status"], 408);
  assert.equal((await send({ ":path": "/template/fast" })).body.toString(), "fast");
});

test("a form for the provider that is far too large is 413, and one that stops is 408", async (t) => {
  const nexus = await startNexus(t, { limits: { body_idle_seconds: 1 } });
  const send = async (size: number, body: string) => {
    const socket = await connectRaw(nexus.url);
    const line = "POST /keycloak/realms/hivematrix/x HTTP/1.1";
    const head = [line, `Host: ${nexus.url.host}`, `Content-Length: ${size}`, "", ""];
    socket.on("error", () => {}).write(head.join("\r\n") + body);
    return await received(socket);
  };
  assert.match(await send(3_000_000, "x".repeat(3_000_000)), /^HTTP\/1\.1 413 |ECONNRESET/);
  assert.match(await send(1000, "x"), /^HTTP\/1\.1 408 /);
  const statuses = logged(nexus, "request refused").map(({ status }) => status);
  assert.deepEqual(statuses, [413, 408]);
});

test("a body that nobody waits for any more does not hold its connection either", async (t) => {
  const nexus = await startNexus(t, { limits: { keep_alive_seconds: 1 } });
  for (const [path, status] of [
    ["/template/api/x", 401],
    ["/logout", 200],
  ] as const) {
    const socket = await connectRaw(nexus.url);
    const head = [`POST ${path} HTTP/1.1`, `Host: ${nexus.url.host}`, "Content-Length: 1000"];
    socket.write(`${head.join("\r\n")}\r\nAccept: application/json\r\n\r\n`);
    assert.match(await received(socket), new RegExp(`^HTTP/1\\.1 ${status} `));
  }
});

test("an upload that goes on is not cut however slow, nor one that the service does not take", async (t) => {
  const { nexus, authorization } = await startForwarding(t, { limits: { body_idle_seconds: 1 } });
  const head = ["POST /template/x HTTP/1.1", "Content-Length: 14"];
  let body = "";
  nexus.upstream.answer((incoming, outgoing) => {
    incoming.setEncoding("utf8").on("data", (chunk: string) => {
      body += chunk;
    });
    incoming.once("end", () => outgoing.end("whole"));
  });
  const { socket, received: answer } = await open(nexus, authorization, head);
  for (const letter of "slowly arrives") {
    socket.write(letter);
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  await waitFor(() => answer().includes("whole"));
  assert.equal(body, "slowly arrives");

  // Two seconds in which the service reads nothing, with more to come than the way there holds.
  nexus.upstream.answer((incoming, outgoing) => {
    setTimeout(() => incoming.resume().once("end", () => outgoing.end("taken")), 2500);
  });
  const size = 30_000_000;
  const large = ["POST /template/y HTTP/1.1", `Content-Length: ${size}`];
  const upload = await open(nexus, authorization, large, "x".repeat(size));
  await waitFor(() => upload.received().includes("taken"));
});

test("an address has so many connections and no more; another address has its own", async (t) => {
  const nexus = await startNexus(t, { limits: { connections_per_address: 5 } });
  const from = async (address: string) => {
    const socket = await connectRaw(nexus.url, address);
    t.after(() => socket.destroy());
    return socket;
  };
  // Its own requests have come from here, and their connections are kept for a moment.
  const held = await Promise.all(Array.from({ length: 5 }, () => from("127.0.0.9")));
  const sixth = await from("127.0.0.9");
  assert.match(await received(sixth), /^$|ECONNRESET/);
  const [line] = logged(nexus, "too many connections");
  assert.deepEqual([line?.["address"], line?.["limit"]], ["127.0.0.9", 5]);
  const request = `GET /health HTTP/1.1\r\nHost: ${nexus.url.host}\r\nConnection: close\r\n\r\n`;
  const other = await from("127.0.0.10");
  other.write(request);
  assert.match(await received(other), /^HTTP\/1\.1 200 /);
  for (let i = 0; i < 20; i++) await received(await from("127.0.0.9"));
  assert.equal(logged(nexus, "too many connections").length, 1, "a flood is one line a minute");

  held[0]?.end(request);
  await received(held[0] as Socket);
  const next = await from("127.0.0.9");
  next.write(request);
  assert.match(await received(next), /^HTTP\/1\.1 200 /);
});

test("with TLS a connection beyond the limit is closed before the handshake", async (t) => {
  const nexus = await startNexus(t, { isSecure: true, limits: { connections_per_address: 2 } });
  const held = await Promise.all([1, 2].map(() => connectRaw(nexus.url, "127.0.0.9")));
  const third = await connectRaw(nexus.url, "127.0.0.9");
  assert.match(await received(third), /^$|ECONNRESET/);
  for (const socket of held) socket.destroy();
  assert.equal((await nexus.openBrowser().request("/health")).status, 200);
});

test("R33: too much of the sign-in from one address is 429, with the time to wait; others go on", async (t) => {
  const nexus = await startNexus(t, { limits: { sign_in_requests_per_minute: 20 } });
  const browser = await nexus.signIn();
  const requests = [];
  for (let i = 0; i < 25; i++) requests.push(await nexus.openBrowser().request("/login"));
  const refused = requests.at(-1);
  assert.equal(refused?.status, 429);
  assert.match(refused?.body ?? "", /Please wait a moment/);
  const seconds = Number(refused?.header("retry-after"));
  assert.ok(seconds >= 1 && seconds <= 60, String(seconds));
  const page = await nexus.openBrowser().request("/keycloak/realms/hivematrix/x");
  assert.equal(page.status, 429);
  const callback = await nexus.openBrowser().request("/keycloak-callback?state=x");
  assert.equal(callback.status, 429);
  const headers = { accept: "application/json", "sec-fetch-mode": "cors" };
  const program = await nexus.openBrowser().request("/login", { headers });
  assert.equal(program.header("content-type"), "application/problem+json");
  assert.equal(program.json()["status"], 429);
  assert.ok(program.header("retry-after"));
  assert.ok(logged(nexus, "request refused").some((line) => line["status"] === 429));

  assert.equal((await browser.request("/template/")).status, 200, "whoever is signed in works on");
  assert.equal((await browser.request("/keycloak/resources/x.css")).status, 200);
  const other = await connectRaw(nexus.url, "127.0.0.77");
  other.write(`GET /login HTTP/1.1\r\nHost: ${nexus.url.host}\r\nConnection: close\r\n\r\n`);
  assert.match(await received(other), /^HTTP\/1\.1 302 /);
});
