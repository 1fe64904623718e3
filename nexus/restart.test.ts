import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { waitFor } from "@hivematrix/lib/wait_for";
import { startCore } from "../core/testing.ts";
import { copyNexus, processSettings, startNexusProcess } from "./process_testing.ts";
import { startUpstream } from "./upstream_testing.ts";

/** How often the gateway is restarted, by its number of processes. */
const restarts = new Map([
  [1, 2],
  [3, 5],
]);
const connections = 32;

interface Outcome {
  readonly request: number;
  /** All that came back before the connection was closed or the answer complete. */
  readonly received: string;
  readonly isComplete: boolean;
  readonly isFirst: boolean;
}

test("a restart under load fails no request that was accepted, with one process and with several", async (t) => {
  const core = await startCore(t);
  const upstream = await startUpstream(t);
  const reached = new Set<string>();
  upstream.answer(async ({ url = "" }, outgoing) => {
    reached.add(url);
    // So that there are always some under way.
    await sleep(Number(url.slice(1)) % 20);
    outgoing.setHeader("content-length", 10 + url.length).end(`answer to ${url}`);
  });
  const folder = copyNexus(t, { template: { url: upstream.url } });
  const token = await core.signIn();
  for (const [processes, count] of restarts) {
    const settings = await processSettings();
    const env = {
      ...settings,
      CORE_SERVICE_URL: core.url,
      SERVICE_SECRET: core.secretOf("nexus"),
      PROCESSES: String(processes),
    };
    const load = new Load(Number(settings["PORT"]), token);
    for (let i = 0; i < count; i++) {
      const nexus = startNexusProcess(t, env, folder);
      await nexus.listening();
      load.begin();
      const before = load.outcomes.length;
      const isUnderLoad = () => load.outcomes.length > before + 10 * connections;
      await waitFor(isUnderLoad, { timeoutMs: 30_000, what: "load" });
      nexus.child.kill("SIGTERM");
      assert.deepEqual(await nexus.exited, [0, null], nexus.output());
    }
    await load.end();
    for (const { request, received, isComplete } of load.outcomes) {
      if (isComplete) {
        assert.match(received, /^HTTP\/1\.1 200 /);
        assert.ok(received.endsWith(`answer to /${request}`), received);
        continue;
      }
      // Whoever sent this may safely send it again (RFC 9110 §9.2.2): nobody has seen it.
      assert.equal(received, "", `request ${request} was cut in its answer`);
      assert.ok(!reached.has(`/${request}`), `request ${request} was accepted and not answered`);
    }
    const lost = load.outcomes.filter(({ isComplete }) => !isComplete);
    const onKept = lost.filter(({ isFirst }) => !isFirst).length;
    // With kept connections closed at once it would be five a restart.
    assert.ok(onKept <= count, `${onKept} requests lost on kept connections`);
    t.diagnostic(
      `${processes} processes: ${load.outcomes.length} requests, ${lost.length} untouched, ${onKept} of them on kept connections`,
    );
  }
});

let lastRequest = 0;

/** Clients that send one request after the other, each on its connection for as long as it lasts. */
class Load {
  readonly outcomes: Outcome[] = [];
  readonly #port: number;
  readonly #token: string;
  #clients: Promise<void>[] = [];
  #isOver = false;

  constructor(port: number, token: string) {
    this.#port = port;
    this.#token = token;
  }

  begin(): void {
    if (this.#clients.length > 0) return;
    this.#clients = Array.from({ length: connections }, () => this.#keepAsking());
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#clients);
  }

  async #keepAsking(): Promise<void> {
    while (!this.#isOver) {
      const socket = connect(this.#port, "127.0.0.1");
      socket.setEncoding("latin1").on("error", () => socket.destroy());
      const isOpen = await Promise.race([
        once(socket, "connect").then(() => true),
        once(socket, "close").then(() => false),
      ]).catch(() => false);
      if (isOpen) await this.#askOn(socket);
      // Nobody listens at the moment.
      else await sleep(20);
    }
  }

  async #askOn(socket: Socket): Promise<void> {
    for (let isFirst = true; !socket.destroyed && !this.#isOver; isFirst = false) {
      const request = ++lastRequest;
      const answer = readAnswer(socket);
      const lines = [
        `GET /template/${request} HTTP/1.1`,
        `Host: 127.0.0.1:${this.#port}`,
        `Authorization: Bearer ${this.#token}`,
      ];
      socket.write(`${lines.join("\r\n")}\r\n\r\n`);
      const { received, isComplete } = await answer;
      this.outcomes.push({ request, received, isComplete, isFirst });
      if (!isComplete || /^connection: close\r$/im.test(received)) break;
    }
    socket.destroy();
  }
}

/** Reads until the body is there, by its length or its last chunk, or the connection is closed. */
async function readAnswer(socket: Socket): Promise<{ received: string; isComplete: boolean }> {
  let received = "";
  return await new Promise((resolve) => {
    const end = (isComplete: boolean) => {
      socket.off("data", read).off("close", cut);
      resolve({ received, isComplete });
    };
    const read = (chunk: string) => {
      received += chunk;
      if (isWhole(received)) end(true);
    };
    const cut = () => end(false);
    socket.on("data", read).on("close", cut);
    if (socket.destroyed) cut();
  });
}

function isWhole(answer: string): boolean {
  const headEnd = answer.indexOf("\r\n\r\n");
  if (headEnd < 0) return false;
  const length = /^content-length: (\d+)\r$/im.exec(answer.slice(0, headEnd + 2))?.[1];
  return answer.length - headEnd - 4 === Number(length);
}
