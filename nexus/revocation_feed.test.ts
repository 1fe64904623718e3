import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { createTestLog } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { WebSocket, WebSocketServer } from "ws";
import { startCore } from "../core/testing.ts";
import { RevocationFeed } from "./revocation_feed.ts";
import { startNexus, type TestNexus } from "./testing.ts";

/** How often Core was asked about a token, by its log. */
function countValidations(nexus: TestNexus): number {
  return nexus.core.logLines.filter((line) => line.includes("/api/token/validate")).length;
}

async function ask(nexus: TestNexus, token: string, path = "/template/"): Promise<number> {
  const headers = { authorization: `Bearer ${token}`, accept: "application/json" };
  const response = await fetch(nexus.origin + path, { headers });
  await response.text();
  return response.status;
}

/** Waits until a session is trusted: from then on Core is not asked. */
async function waitForTrust(nexus: TestNexus, token: string): Promise<void> {
  await waitFor(
    async () => {
      const before = countValidations(nexus);
      assert.equal(await ask(nexus, token), 200);
      return countValidations(nexus) === before;
    },
    { what: "the session to be trusted" },
  );
}

async function revoke(nexus: TestNexus, token: string): Promise<void> {
  const response = await nexus.core.post("/api/token/revoke", { token });
  assert.equal(response.status, 200);
}

test("Core is asked about a session once, and its revoke holds at the very next request", async (t) => {
  const nexus = await startNexus(t);
  const token = await nexus.obtainToken();
  await waitForTrust(nexus, token);
  const before = countValidations(nexus);
  for (let i = 0; i < 20; i++) assert.equal(await ask(nexus, token), 200);
  assert.equal(countValidations(nexus), before);
  await revoke(nexus, token);
  assert.equal(await ask(nexus, token), 401);
});

test("without the feed Core is asked each time; without Core nobody gets in; both heal", async (t) => {
  const nexus = await startNexus(t);
  const token = await nexus.obtainToken();
  await waitForTrust(nexus, token);
  await nexus.coreDoor.shut();
  await waitFor(async () => (await ask(nexus, token)) === 503, { what: "503 without Core" });
  await nexus.coreDoor.open();
  await waitForTrust(nexus, token);
});

test("R15: an event stream of a revoked session is cut, another's goes on", async (t) => {
  const nexus = await startNexus(t);
  nexus.upstream.answer((incoming, outgoing) => {
    if (incoming.url !== "/events") {
      outgoing.end("ok");
      return;
    }
    outgoing.setHeader("content-type", "text/event-stream");
    outgoing.write("data: hello\n\n");
  });
  const open = async () => {
    const token = await nexus.obtainToken();
    await waitForTrust(nexus, token);
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${nexus.origin}/template/events`, { headers });
    const reader = response.body?.getReader();
    assert.ok(reader);
    await reader.read();
    return {
      token,
      ended: reader.read().then(
        ({ done }) => done,
        () => true,
      ),
      reader,
    };
  };
  const ada = await open();
  const grace = await open();
  const startedAt = performance.now();
  await revoke(nexus, ada.token);
  assert.equal(await ada.ended, true);
  assert.ok(performance.now() - startedAt < 2000);
  nexus.upstream.last.outgoing.write("data: still here\n\n");
  assert.equal(await grace.ended, false);
  await grace.reader.cancel();
});

/** A service that answers WebSockets with what it is sent. */
async function startEcho(
  t: { after(cleanUp: () => unknown): void },
  onClose = () => {},
): Promise<string> {
  const echo = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  echo.on("connection", (socket, { headers, url }) => {
    socket.send(JSON.stringify({ headers, url }));
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
    socket.once("close", onClose);
  });
  t.after(() => {
    for (const client of echo.clients) client.terminate();
    echo.close();
  });
  await once(echo, "listening");
  const { port } = echo.address() as { port: number };
  return `http://127.0.0.1:${port}`;
}

function openSocket(nexus: TestNexus, token: string, origin?: string): WebSocket {
  const url = `${nexus.origin.replace("http", "ws")}/echo/live?room=1`;
  const headers = { authorization: `Bearer ${token}` };
  return new WebSocket(url, { headers, ...(origin !== undefined && { origin }) });
}

test("a WebSocket joins browser and service, and is cut when its session is revoked", async (t) => {
  let isCutAtService = false;
  const onClose = () => {
    isCutAtService = true;
  };
  const nexus = await startNexus(t, { services: { echo: { url: await startEcho(t, onClose) } } });
  const token = await nexus.obtainToken();
  const socket = openSocket(nexus, token);
  t.after(() => socket.terminate());
  const [hello] = await once(socket, "message");
  const { headers, url } = JSON.parse(String(hello));
  assert.equal(url, "/live?room=1");
  assert.equal(headers["x-forwarded-prefix"], "/echo");
  assert.equal(headers.authorization, `Bearer ${token}`);

  socket.send(Buffer.alloc(300_000, 7));
  const [echoed] = await once(socket, "message");
  assert.deepEqual(echoed, Buffer.alloc(300_000, 7));

  const closed = once(socket, "close");
  await revoke(nexus, token);
  await closed;
  await waitFor(() => isCutAtService);
});

test("R15: a WebSocket needs a session, an open service and a page of this origin", async (t) => {
  const services = {
    echo: { url: await startEcho(t) },
    closed: { admin_only: true },
  };
  const nexus = await startNexus(t, { services });
  const token = await nexus.obtainToken();
  const refusal = async (socket: WebSocket) => {
    socket.on("error", () => {});
    const [, response] = await once(socket, "unexpected-response");
    response.resume();
    return response.statusCode;
  };
  assert.equal(await refusal(openSocket(nexus, "forged")), 401);
  const base = nexus.origin.replace("http", "ws");
  const headers = { authorization: `Bearer ${token}` };
  assert.equal(await refusal(new WebSocket(`${base}/closed/live`, { headers })), 403);
  assert.equal(await refusal(new WebSocket(`${base}/nowhere/live`, { headers })), 404);

  const browser = await nexus.signIn();
  const cookie = browser.cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
  const foreign = { headers: { cookie }, origin: "https://evil.example" };
  assert.equal(await refusal(new WebSocket(`${base}/echo/live`, foreign)), 403);
  const own = new WebSocket(`${base}/echo/live`, { headers: { cookie }, origin: nexus.origin });
  t.after(() => own.terminate());
  await once(own, "message");
});

test("a service's refusal of a WebSocket reaches the browser as it is", async (t) => {
  const nexus = await startNexus(t);
  nexus.upstream.answer((_incoming, outgoing) => {
    outgoing.writeHead(418, { "x-reason": "teapot" }).end("no sockets here");
  });
  const token = await nexus.obtainToken();
  const url = `${nexus.origin.replace("http", "ws")}/template/live`;
  const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` } });
  socket.on("error", () => {});
  const [, response] = await once(socket, "unexpected-response");
  assert.equal(response.statusCode, 418);
  assert.equal(response.headers["x-reason"], "teapot");
  response.resume();
});

test("R15: a stream that an outdated answer has let in after the feed was lost is cut all the same", async (t) => {
  const nexus = await startNexus(t);
  nexus.upstream.answer((incoming, outgoing) => {
    if (incoming.url === "/events") outgoing.write("data: hello\n\n");
    else outgoing.end("ok");
  });
  const [token, other] = [await nexus.obtainToken(), await nexus.obtainToken()];
  await waitForTrust(nexus, other);
  // Core says "live", and the answer takes its time: meanwhile the feed is lost, and the session ends.
  let arrive = () => {};
  let isAsked = false;
  const arrival = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  nexus.coreDoor.misbehave(async () => {
    isAsked = true;
    await arrival;
    return Response.json({ valid: true });
  });
  const headers = { authorization: `Bearer ${token}` };
  const opening = fetch(`${nexus.origin}/template/events`, { headers });
  await waitFor(() => isAsked, { what: "Core to be asked" });
  await revoke(nexus, token);
  nexus.coreDoor.misbehave(undefined);
  await waitForTrust(nexus, other);
  arrive();
  const response = await opening;
  assert.equal(response.status, 200);
  const openedAt = performance.now();
  await response.text().catch(() => {});
  assert.ok(performance.now() - openedAt < 3000);
});

test("a feed says when it is alive, and when it is so again after a loss", async (t) => {
  const core = await startCore(t);
  let heard = 0;
  const feed = new RevocationFeed({
    coreUrl: core.url,
    serviceSecret: core.secretOf("nexus"),
    log: createTestLog(),
    onEnded: () => {},
    onEpoch: () => {},
    onAlive: () => heard++,
    takeSeen: () => [],
  });
  t.after(() => feed.close());
  await waitFor(() => feed.isAlive);
  assert.equal(heard, 1);
  core.feeds.drop();
  await waitFor(() => !feed.isAlive);
  await waitFor(() => feed.isAlive);
  assert.equal(heard, 2);
});

test("R8: a gateway that was stopped holds up no revoke, and trusts nothing when it is back", async (t) => {
  const nexus = await startNexus(t);
  const [token, other] = [await nexus.obtainToken(), await nexus.obtainToken()];
  await waitForTrust(nexus, token);
  let tookMs = 0;
  await nexus.restart(async () => {
    const startedAt = performance.now();
    await revoke(nexus, token);
    tookMs = performance.now() - startedAt;
  });
  // A lease would be two seconds.
  assert.ok(tookMs < 1000, `${tookMs} ms`);
  assert.equal(await ask(nexus, token), 401);
  assert.equal(await ask(nexus, other), 200);
});
