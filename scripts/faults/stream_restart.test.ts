import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { TestScope } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { Agent, EventSource, request } from "undici";
import { WebSocket } from "ws";
import { httpHealth } from "../../helm/services/health_check.ts";
import type { ServiceDefinition } from "../../helm/services/service_definition.ts";
import { readStandInPorts } from "../../helm/services/stand_in.ts";
import { createManager, service, statusOf } from "../../helm/services/testing.ts";
import { startNexus, type TestNexus } from "../../nexus/testing.ts";

const root = join(import.meta.dirname, "../..");

test("over a restart without a gap event streams come again, WebSockets are closed and opened at once, and no request fails", async (t) => {
  const streams = await defineStreams();
  const nexus = await startNexus(t, { services: { streams: { url: addressOf(streams.port) } } });
  const { manager, runDir } = await createManager(t, [streams], {
    // Nexus looks at services.json every half second.
    times: { takeUpMs: 700, stopGraceMs: 10_000, startLimitMs: 60_000 },
    announce: async () => {
      const port = (await readStandInPorts(runDir)).get("streams") ?? streams.port;
      nexus.changeServices({ streams: { url: addressOf(port) } });
    },
  });
  await manager.startAll();
  await manager.waitUntilReady();
  const { sessionCookie } = await nexus.signIn();
  const client = new StreamClient(nexus, `${sessionCookie?.name}=${sessionCookie?.value}`);
  client.begin(t);
  const { pid: before } = await statusOf(manager, "streams");
  await waitFor(() => client.isServedBy(before), { timeoutMs: 30_000, what: "the first process" });

  await manager.restart("streams");
  const { pid: after } = await statusOf(manager, "streams");
  assert.notEqual(after, before);
  await waitFor(() => client.isServedBy(after), { timeoutMs: 30_000, what: "the new process" });
  await client.end();

  assert.deepEqual(client.failures, []);
  assert.ok(client.requests > 20);
  // The old process, the one that stood in, the new one; each of the first two has ended its streams.
  assert.equal(new Set(client.eventPids).size, 3);
  assert.equal(client.streamEnds, 2);
  assert.equal(new Set(client.socketPids).size, 3);
  assert.deepEqual(client.closeCodes, [1012, 1012]);
});

async function defineStreams(): Promise<ServiceDefinition> {
  const command = [
    process.execPath,
    "--import",
    "tsx",
    join(import.meta.dirname, "streaming_service.ts"),
  ] as const;
  const base = await service("streams", "", { command, folder: root });
  const onPort = (port: number): ServiceDefinition => ({
    ...base,
    port,
    env: { PORT: String(port) },
    isReady: httpHealth(`${addressOf(port)}/health`),
  });
  return { ...onPort(base.port ?? 0), onPort };
}

function addressOf(port: number | undefined): string {
  return `http://127.0.0.1:${port}`;
}

/** Somebody with a page that reads events, holds a WebSocket and sends requests. */
class StreamClient {
  readonly failures: string[] = [];
  readonly eventPids: number[] = [];
  readonly socketPids: number[] = [];
  readonly closeCodes: number[] = [];
  requests = 0;
  streamEnds = 0;
  readonly #origin: string;
  readonly #cookie: string;
  #isOver = false;
  #work: Promise<void>[] = [];

  constructor({ origin }: TestNexus, cookie: string) {
    this.#origin = origin;
    this.#cookie = cookie;
  }

  begin(scope: TestScope): void {
    const { cookie, agent } = { cookie: this.#cookie, agent: new Agent() };
    const dispatcher = agent.compose(
      (dispatch) => (options, handler) =>
        dispatch({ ...options, headers: { accept: "text/event-stream", cookie } }, handler),
    );
    const events = new EventSource(`${this.#origin}/streams/events`, { node: { dispatcher } });
    scope.after(async () => {
      events.close();
      await agent.destroy();
    });
    events.addEventListener("message", ({ data }) => this.eventPids.push(Number(data)));
    events.addEventListener("error", () => {
      this.streamEnds++;
      if (events.readyState === EventSource.CLOSED)
        this.failures.push("the events do not come again");
    });
    this.#work = [this.#keepAsking(), this.#keepConnected()];
  }

  isServedBy(pid: number | undefined): boolean {
    return this.eventPids.at(-1) === pid && this.socketPids.at(-1) === pid;
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#work);
  }

  async #keepAsking(): Promise<void> {
    while (!this.#isOver) {
      const { statusCode, body } = await request(`${this.#origin}/streams/`, {
        method: "POST",
        headers: { cookie: this.#cookie },
        body: "x",
      });
      await body.dump();
      this.requests++;
      if (statusCode !== 200) this.failures.push(`POST: ${statusCode}`);
      await sleep(10);
    }
  }

  async #keepConnected(): Promise<void> {
    while (!this.#isOver) {
      const address = `${this.#origin.replace("http", "ws")}/streams/socket`;
      const socket = new WebSocket(address, { headers: { cookie: this.#cookie } });
      socket.on("error", (error) => this.failures.push(`WebSocket: ${error.message}`));
      socket.on("message", (data) => this.socketPids.push(Number(String(data))));
      const closed = once(socket, "close");
      const over = waitFor(() => this.#isOver || socket.readyState === WebSocket.CLOSED, {
        timeoutMs: 120_000,
      });
      await over;
      if (this.#isOver) socket.terminate();
      else this.closeCodes.push((await closed)[0] as number);
    }
  }
}
