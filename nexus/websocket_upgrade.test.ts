// WebSockets through the gateway, with bare sockets at both ends: frames are bytes to it.
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { connectRaw } from "@hivematrix/lib/raw_http_testing";
import type { TestScope } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { startNexus, type TestNexusOptions } from "./testing.ts";

const MiB = 1024 * 1024;
const accepted =
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";

/** One end of a joined connection: what it has got so far, one character a byte. */
class End {
  readonly socket: Socket;
  received = "";
  hasEnded = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("end", () => {
      this.hasEnded = true;
    });
    socket.on("data", (chunk) => {
      this.received += chunk.toString("latin1");
    });
  }

  get head(): string {
    return this.received.split("\r\n\r\n", 1)[0] ?? "";
  }

  /** What came behind the head. */
  get frames(): string {
    return this.received.slice(this.head.length + 4);
  }
}

/** A gateway before a service whose end of each connection the test holds. */
async function startSockets(scope: TestScope, options: TestNexusOptions = {}) {
  const services: End[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => services.push(new End(socket)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.after(() => {
    server.close();
    for (const { socket } of services) socket.destroy();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const nexus = await startNexus(scope, {
    services: { live: { url }, closed: { admin_only: true } },
    ...options,
  });
  const authorization = `Authorization: Bearer ${await nexus.obtainToken()}`;
  /** Sends a handshake, and more behind it at once. */
  const ask = async (
    lines: readonly string[] = [authorization],
    glued = "",
    path = "/live/a?b",
  ) => {
    const browser = new End(await connectRaw(nexus.url));
    scope.after(() => browser.socket.destroy());
    const head = [
      `GET ${path} HTTP/1.1`,
      `Host: ${nexus.url.host}`,
      "Connection: Upgrade",
      "Upgrade: WebSocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
      ...lines,
    ];
    browser.socket.write(`${head.join("\r\n")}\r\n\r\n${glued}`, "latin1");
    return browser;
  };
  /** The service's end of the newest handshake, once that is there. */
  const serve = async (count: number) => {
    await waitFor(() => services[count - 1]?.received.includes("\r\n\r\n"), {
      what: "the handshake to reach the service",
    });
    return services[count - 1] as End;
  };
  const join = async () => {
    const browser = await ask();
    const service = await serve(services.length + (services.at(-1)?.received === "" ? 0 : 1));
    service.socket.write(`${accepted}\r\n`);
    await waitFor(() => browser.received.includes("\r\n\r\n"), { what: "the handshake's answer" });
    return { browser, service };
  };
  return { nexus, authorization, services, ask, serve, join };
}

test("a handshake passes with its protocol, its key and the gateway's headers, both ways", async (t) => {
  const { nexus, authorization, ask, serve } = await startSockets(t);
  const forged = ["X-Forwarded-For: 6.6.6.6", "X_Request_ID: forged"];
  const browser = await ask([authorization, "Sec-WebSocket-Protocol: chat, \xe9", ...forged]);
  const service = await serve(1);
  assert.match(service.head, /^GET \/a\?b HTTP\/1\.1\r\n/);
  for (const line of [
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Protocol: chat, \xe9",
    "connection: Upgrade",
    "upgrade: websocket",
    "x-forwarded-for: 127.0.0.1",
    "x-forwarded-prefix: /live",
  ]) {
    assert.ok(service.head.split("\r\n").includes(line), `${line} in ${service.head}`);
  }
  assert.ok(!service.head.includes("forged") && !service.head.includes("6.6.6.6"));
  const lines = [
    "Sec-WebSocket-Accept: key",
    "Sec-WebSocket-Protocol: \xe9",
    "Set-Cookie: a=1; Path=/",
    `Set-Cookie: hivematrix_session_${nexus.url.port}=planted`,
    "Server: secret/1.0",
  ];
  service.socket.write(`${accepted}${lines.join("\r\n")}\r\n\r\n`, "latin1");
  await waitFor(() => browser.received.includes("\r\n\r\n"));
  assert.deepEqual(browser.head.split("\r\n"), [
    "HTTP/1.1 101 Switching Protocols",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Accept: key",
    "Sec-WebSocket-Protocol: \xe9",
    "Set-Cookie: a=1; Path=/live",
  ]);
});

test("frames that come right behind the handshake are not lost, on either side", async (t) => {
  const { authorization, ask, serve } = await startSockets(t);
  const browser = await ask([authorization], "\x81\x02hi");
  const service = await serve(1);
  assert.equal(service.frames, "", "nothing before the service has agreed");
  service.socket.write(`${accepted}\r\n\x81\x02ho`, "latin1");
  await waitFor(() => browser.frames === "\x81\x02ho" && service.frames === "\x81\x02hi");
  browser.socket.write("\xff\x00more", "latin1");
  service.socket.write("\xfe\x00more", "latin1");
  await waitFor(() => browser.frames.endsWith("\xfe\x00more"));
  await waitFor(() => service.frames.endsWith("\xff\x00more"));
});

test("what a browser says last is answered, and then both sides are closed", async (t) => {
  const { join } = await startSockets(t);
  const { browser, service } = await join();
  browser.socket.end("goodbye");
  await waitFor(() => service.hasEnded);
  assert.equal(service.frames, "goodbye");
  service.socket.end("and to you");
  await waitFor(() => browser.hasEnded);
  assert.equal(browser.frames, "and to you");
  await waitFor(() => browser.socket.closed && service.socket.closed);
});

test("either side that closes or breaks off closes the other", async (t) => {
  const { join } = await startSockets(t);
  for (const side of ["browser", "service"] as const) {
    for (const way of ["end", "destroy", "resetAndDestroy"] as const) {
      const ends = await join();
      const other = side === "browser" ? ends.service : ends.browser;
      ends[side].socket[way]();
      await waitFor(() => other.hasEnded || other.socket.closed, { what: `${side} ${way}` });
      other.socket.end();
      await waitFor(() => other.socket.closed, { what: `${side} ${way}` });
    }
  }
});

test("a side that does not read holds the other back", async (t) => {
  const { join } = await startSockets(t);
  for (const reader of ["browser", "service"] as const) {
    const ends = await join();
    const writer = reader === "browser" ? ends.service.socket : ends.browser.socket;
    ends[reader].socket.pause();
    let written = 0;
    const chunk = Buffer.alloc(64 * 1024);
    const write = () => {
      while (written < 100 * MiB) {
        written += chunk.length;
        if (!writer.write(chunk)) return;
      }
    };
    writer.on("drain", write);
    write();
    let seen = -1;
    let since = performance.now();
    await waitFor(
      () => {
        if (written !== seen) since = performance.now();
        seen = written;
        return performance.now() - since > 500;
      },
      { what: "a flow that stands still" },
    );
    assert.ok(written < 32 * MiB, `${written} bytes are under way to the ${reader}`);
    // And everything is there once it reads again.
    writer.off("drain", write);
    const before = ends[reader].frames.length;
    assert.ok(before < written);
    ends[reader].socket.resume();
    await waitFor(() => ends[reader].frames.length === written);
  }
});

test("a service's refusal reaches the browser with its status, headers and content", async (t) => {
  const { nexus, ask, serve } = await startSockets(t);
  const content = `${"no ".repeat(50_000)}\xff`;
  const answers = [
    `Content-Length: ${content.length}\r\n\r\n${content}`,
    `Transfer-Encoding: chunked\r\n\r\n${content.length.toString(16)}\r\n${content}\r\n0\r\n\r\n`,
    `\r\n${content}`,
  ];
  for (const [index, answer] of answers.entries()) {
    const browser = await ask();
    const service = await serve(index + 1);
    const head = [
      "HTTP/1.1 426 Upgrade Required",
      "X-Reason: version",
      `Set-Cookie: hivematrix_session_${nexus.url.port}=planted`,
    ];
    service.socket.end(`${head.join("\r\n")}\r\n${answer}`, "latin1");
    await waitFor(() => browser.socket.closed || browser.hasEnded, { what: "its end" });
    assert.match(browser.head, /^HTTP\/1\.1 426 Upgrade Required\r\n/);
    assert.match(browser.head, /\r\nX-Reason: version\r\n/);
    assert.ok(!browser.head.includes("planted"));
    const isChunked = /transfer-encoding: chunked/i.test(browser.head);
    const got = isChunked
      ? browser.frames.replaceAll(/(?:^|\r\n)[0-9a-f]+\r\n/g, "").replace(/\r\n$/, "")
      : browser.frames;
    assert.equal(got.length, content.length, String(index));
    assert.ok(got === content);
    browser.socket.end();
    await waitFor(() => browser.socket.closed);
  }
});

test("R15: without a session, a right or an own page nothing reaches the service", async (t) => {
  const { nexus, ask, services, authorization } = await startSockets(t);
  const browser = await nexus.signIn();
  const cookie = `Cookie: ${browser.cookies.map(({ name, value }) => `${name}=${value}`).join("; ")}`;
  const refused = async (lines: string[], path?: string) => {
    const asked = await ask(lines, "\x81\x02hi", path);
    await waitFor(() => asked.hasEnded || asked.socket.closed);
    return Number(/^HTTP\/1\.1 (\d+)/.exec(asked.received)?.[1] ?? 0);
  };
  assert.equal(await refused([]), 401);
  assert.equal(await refused(["Authorization: Bearer forged"]), 401);
  assert.equal(await refused([cookie, "Origin: https://evil.example"]), 403);
  assert.equal(await refused([cookie, "Origin: null"]), 403);
  assert.equal(await refused([cookie, `Origin: ${nexus.origin}.evil.example`]), 403);
  assert.equal(await refused([authorization], "/closed/a"), 403);
  assert.equal(await refused([authorization], "/nobody/a"), 404);
  assert.equal(await refused([authorization], "/live/../closed"), 400);
  assert.equal(await refused([authorization, "Content-Length: 4"]), 400);
  assert.equal(await refused([authorization, "Transfer-Encoding: chunked"]), 400);
  assert.equal(services.length, 0);
});

test("a browser that leaves while the service thinks about it ends the request", async (t) => {
  const { ask, serve } = await startSockets(t);
  for (const [index, way] of (["end", "destroy", "resetAndDestroy"] as const).entries()) {
    const browser = await ask();
    const service = await serve(index + 1);
    browser.socket[way]();
    await waitFor(() => service.hasEnded || service.socket.closed, { what: way, timeoutMs: 3000 });
  }
});

test("a handshake behind a request that is not answered yet ends its connection and nothing else", async (t) => {
  const { nexus, authorization, services } = await startSockets(t);
  const handshake = `GET /live/a HTTP/1.1\r\nHost: ${nexus.url.host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`;
  for (const path of ["/live/never", "/login", "/keycloak/realms/x", "/template/"]) {
    for (const head of [`${authorization}\r\n`, ""]) {
      const browser = new End(await connectRaw(nexus.url));
      const first = `GET ${path} HTTP/1.1\r\nHost: ${nexus.url.host}\r\n${head}\r\n`;
      browser.socket.write(`${first}${handshake}${head}\r\n`);
      await waitFor(() => browser.socket.closed || browser.hasEnded, { what: path });
      browser.socket.destroy();
      assert.ok(!browser.received.includes(" 101 "), browser.received);
    }
  }
  assert.ok(services.every(({ head }) => !/upgrade: websocket/i.test(head)));
  const { status } = await nexus.openBrowser().request("/health");
  assert.equal(status, 200, "the gateway lives");
});

test("a service that says nothing to a handshake is late, one that is gone is away", async (t) => {
  const timeoutsMs = { connect: 500, head: 500, idle: 500 };
  const { ask, serve } = await startSockets(t, { timeoutsMs });
  const statusOf = ({ received }: End) => Number(received.split(" ", 2)[1]);
  const late = await ask();
  await waitFor(() => late.hasEnded, { what: "the refusal" });
  assert.equal(statusOf(late), 504);
  const away = await ask();
  (await serve(2)).socket.destroy();
  await waitFor(() => away.hasEnded, { what: "the refusal" });
  assert.equal(statusOf(away), 502);
});

test("hundreds of WebSockets are open at once, each with its own counterpart, and all are closed", async (t) => {
  const { ask, services, nexus } = await startSockets(t);
  const browsers = await Promise.all(Array.from({ length: 300 }, () => ask()));
  await waitFor(() => services.length === 300 && services.every(({ head }) => head !== ""));
  for (const [index, { socket }] of services.entries()) socket.write(`${accepted}\r\n<${index}>`);
  await waitFor(() => browsers.every(({ frames }) => frames.endsWith(">")));
  assert.equal(new Set(browsers.map(({ frames }) => frames)).size, 300);
  for (const [index, { socket }] of browsers.entries()) {
    if (index % 2 === 0) socket.destroy();
  }
  for (const service of services) {
    if (!service.socket.destroyed) service.socket.end();
  }
  await waitFor(() => browsers.every(({ socket, hasEnded }) => socket.destroyed || hasEnded));
  for (const { socket } of browsers) socket.destroy();
  await waitFor(() => services.every(({ socket }) => socket.closed), { what: "all to be closed" });
  await waitFor(
    () => nexus.logLines.filter((line) => line.includes('"status":101')).length === 300,
  );
});
