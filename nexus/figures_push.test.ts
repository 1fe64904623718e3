import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { RequestFiguresPush } from "@hivematrix/lib/request_figures";
import type { TestScope } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { WebSocket, WebSocketServer } from "ws";
import { startNexus, type TestNexusOptions } from "./testing.ts";
import { startUpstream } from "./upstream_testing.ts";

test("Helm is told of each service's requests, their errors and how long answers took", async (t) => {
  const { nexus, browser, untilTold } = await startCounted(t);
  const { upstream } = nexus;
  const before = await untilTold(() => true);
  for (const status of [200, 204, 404, 500, 200]) {
    upstream.answer((_, outgoing) => {
      setTimeout(() => outgoing.writeHead(status).end(), status === 500 ? 25 : 0);
    });
    await browser.request("/template/x");
  }
  await upstream.kill();
  assert.equal((await browser.request("/template/x")).status, 502);
  assert.equal((await browser.request("/nowhere/x")).status, 404);
  await browser.request("/health");

  const { services } = await untilTold((push) => push.services["nexus"]?.client_errors === 1);
  const { template, nexus: own } = services;
  assert.equal(template?.requests, 6);
  assert.equal(template?.client_errors, 1);
  assert.equal(template?.server_errors, 2);
  assert.equal(sum(template?.latency_buckets), 6);
  // The one that took 25 ms and a little.
  assert.ok(sum(template?.latency_buckets.slice(5)) >= 1, String(template?.latency_buckets));
  assert.ok((template?.latency_ms_sum ?? 0) >= 24);
  assert.equal(template?.open_requests, 0);
  assert.equal(own?.requests, (before.services["nexus"]?.requests ?? 0) + 1);
});

test("what is open is told while it is, and counts as one request when it has ended", async (t) => {
  const sockets = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(sockets, "listening");
  t.after(() => sockets.close());
  const url = `http://127.0.0.1:${(sockets.address() as AddressInfo).port}`;
  const { nexus, browser, untilTold } = await startCounted(t, { services: { live: { url } } });
  nexus.upstream.answer((_, outgoing) => {
    outgoing.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n");
  });
  const cookie = browser.cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
  const stream = new AbortController();
  const { signal } = stream;
  await fetch(`${nexus.origin}/template/events`, { headers: { cookie }, signal });
  const socket = new WebSocket(`${nexus.origin}/live/`, { headers: { cookie } });
  await once(socket, "open");
  const { services } = await untilTold(({ services: { live } }) => live?.open_websockets === 1);
  assert.equal(services["template"]?.open_requests, 1);
  assert.equal(services["template"]?.requests, 0);
  socket.close();
  stream.abort();
  const after = await untilTold(({ services: { live, template } }) => {
    return live?.open_websockets === 0 && template?.open_requests === 0;
  });
  const { live, template } = after.services;
  assert.deepEqual([live?.requests, template?.requests], [1, 1]);
  assert.deepEqual([live?.server_errors, template?.server_errors], [0, 0]);
});

test("while Helm is away Nexus works and says nothing; what was counted is told later", async (t) => {
  const { nexus, browser, helm, mode, untilTold } = await startCounted(t);
  await untilTold(() => true);
  mode.answers = "breaks off";
  for (let i = 0; i < 5; i++) await browser.request("/template/x");
  await waitFor(() => mode.refused > 2);
  await helm.kill();
  mode.answers = "takes";
  await helm.restart();
  await untilTold(({ services: { template } }) => template?.requests === 5);
  const loud = nexus.logLines.filter((line) => /"level":"(warn|error)"/i.test(line));
  assert.deepEqual(loud, []);
});

test("the last requests of a gateway that ends are told", async (t) => {
  const { nexus, browser, pushes } = await startCounted(t, { figuresEveryMs: 60_000 });
  for (let i = 0; i < 3; i++) await browser.request("/template/x");
  await nexus.restart();
  assert.equal(pushes.at(-1)?.services["template"]?.requests, 3);
});

test("a Helm that refuses is said once", async (t) => {
  const { nexus, mode } = await startCounted(t);
  mode.answers = "refuses";
  await waitFor(() => mode.refused > 3);
  const said = nexus.logLines.filter((line) => line.includes("Helm refuses the figures"));
  assert.equal(said.length, 1);
  assert.match(said[0] ?? "", /"status":403.*not you/);
});

/** A gateway with somebody signed in, and a Helm that keeps what it is told. */
async function startCounted(scope: TestScope, options: Partial<TestNexusOptions> = {}) {
  const pushes: RequestFiguresPush[] = [];
  const mode = { answers: "takes" as "takes" | "refuses" | "breaks off", refused: 0 };
  const helm = await startUpstream(scope);
  helm.answer((incoming, outgoing) => {
    assert.match(incoming.headers.authorization ?? "", /^Bearer ey/);
    let text = "";
    incoming.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    incoming.on("end", () => {
      if (mode.answers === "takes") {
        pushes.push(JSON.parse(text));
        outgoing.writeHead(204).end();
        return;
      }
      mode.refused++;
      if (mode.answers === "refuses") outgoing.writeHead(403).end("not you");
      else incoming.socket.destroy();
    });
  });
  const nexus = await startNexus(scope, {
    figuresEveryMs: 40,
    core: { services: ["template", "helm"] },
    ...options,
    services: { helm: { url: helm.url }, ...options.services },
  });
  const browser = await nexus.signIn();
  /** The first report from now on that is as wanted. */
  const untilTold = async (isWanted: (push: RequestFiguresPush) => boolean) => {
    let found: RequestFiguresPush | undefined;
    let next = pushes.length;
    await waitFor(() => {
      found = pushes.slice(next).find(isWanted);
      next = Math.max(next, pushes.length - 1);
      return found !== undefined;
    });
    return found as unknown as RequestFiguresPush;
  };
  return { nexus, browser, helm, mode, pushes, untilTold };
}

function sum(counts: readonly number[] | undefined): number {
  return (counts ?? []).reduce((total, count) => total + count, 0);
}
