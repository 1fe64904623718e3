import assert from "node:assert/strict";
import { once } from "node:events";
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { formatEnv } from "@hivematrix/lib/env_file";
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

test("processes that are replaced under load fail no request, and no connection is refused", async (t) => {
  const core = await startCore(t);
  const upstream = await startUpstream(t);
  upstream.answer(async ({ url = "" }, outgoing) => {
    await sleep(Number(url.slice(1)) % 20);
    outgoing.setHeader("content-length", 10 + url.length).end(`answer to ${url}`);
  });
  const folder = copyNexus(t, { template: { url: upstream.url } });
  const settings = await processSettings();
  const write = (processes: number) =>
    writeFileSync(join(folder, ".env"), formatEnv({ PROCESSES: String(processes) }));
  write(2);
  const nexus = startNexusProcess(
    t,
    {
      ...settings,
      CORE_SERVICE_URL: core.url,
      SERVICE_SECRET: core.secretOf("nexus"),
      PROCESSES: "2",
    },
    folder,
  );
  await nexus.listening();
  const load = new Load(Number(settings["PORT"]), await core.signIn(), 6);
  load.begin();
  for (const [round, processes] of [2, 1].entries()) {
    const before = nexus.workerPids();
    const asked = load.outcomes.length;
    const isUnderLoad = () => load.outcomes.length > asked + 60;
    await waitFor(isUnderLoad, { timeoutMs: 30_000, what: "load" });
    write(processes);
    nexus.child.kill("SIGUSR2");
    assert.equal((await readOutcome(folder, round + 1)).outcome, "replaced", nexus.output());
    const isReplaced = () => nexus.workerPids().length === processes;
    await waitFor(isReplaced, { timeoutMs: 30_000, what: "the old processes to end" });
    assert.ok(!nexus.workerPids().some((pid) => before.includes(pid)));
  }
  await load.end();
  const lost = load.outcomes.filter(({ isComplete }) => !isComplete);
  assert.equal(load.refused, 0);
  // None within its answer. On a kept connection one may cross with its end, and was not accepted.
  assert.ok(lost.length <= 2 && lost.every(({ received, isFirst }) => received === "" && !isFirst));
  for (const { received } of load.outcomes.filter(({ isComplete }) => isComplete)) {
    assert.match(received, /^HTTP\/1\.1 200 /);
  }
  t.diagnostic(`${load.outcomes.length} requests, ${lost.length} untouched`);
});

test("what keeps the processes says why they are not replaced, and they serve on", async (t) => {
  const folder = copyNexus(t);
  const env = { ...(await processSettings()), PROCESSES: "2" };
  const nexus = startNexusProcess(t, env, folder);
  // While it starts, what is asked for waits.
  await waitFor(() => nexus.workerPids().length > 0, { timeoutMs: 60_000, what: "a process" });
  nexus.child.kill("SIGUSR2");
  assert.equal((await readOutcome(folder, 1)).outcome, "replaced", nexus.output());
  await waitFor(() => nexus.workerPids().length === 2, { what: "the old processes to end" });
  const before = nexus.workerPids();
  const ask = async (asked: number) => {
    nexus.child.kill("SIGUSR2");
    return await readOutcome(folder, asked);
  };
  const gateway = join(folder, "serve_gateway.ts");
  const code = readFileSync(gateway, "utf8");
  writeFileSync(gateway, "export const serveGateway = undefined.broken;");
  const broken = await ask(2);
  assert.deepEqual([broken.outcome, broken.keeper], ["failed", nexus.child.pid]);
  assert.match(broken.reason ?? "", /its new process ended before it listened/);
  writeFileSync(gateway, code);

  writeFileSync(join(folder, ".env"), "CORE_SERVICE_URL=nowhere\n");
  assert.match((await ask(3)).reason ?? "", /CORE_SERVICE_URL is "nowhere"/);
  rmSync(join(folder, ".env"));

  const keeper = join(folder, "worker_messages.ts");
  appendFileSync(keeper, "// What is said is another thing by now.\n");
  assert.equal((await ask(4)).outcome, "outdated");
  assert.deepEqual(nexus.workerPids(), before);
  nexus.child.kill("SIGTERM");
  assert.deepEqual(await nexus.exited, [0, null]);
});

interface Told {
  readonly keeper: number;
  readonly asked: number;
  readonly outcome?: string;
  readonly reason?: string;
}

/** What Helm is told, when that is of the replacement that was asked for last. */
async function readOutcome(folder: string, asked: number): Promise<Told> {
  const file = join(folder, "instance/processes.json");
  const read = () => JSON.parse(readFileSync(file, "utf8")) as Told;
  const isTold = () => existsSync(file) && read().asked === asked;
  await waitFor(isTold, { timeoutMs: 60_000, what: "an outcome" });
  return read();
}

let lastRequest = 0;

/** Clients that send one request after the other, each on its connection for as long as it lasts. */
class Load {
  readonly outcomes: Outcome[] = [];
  /** Connections that nobody took. */
  refused = 0;
  readonly #port: number;
  readonly #token: string;
  readonly #count: number;
  #clients: Promise<void>[] = [];
  #isOver = false;

  constructor(port: number, token: string, clients = connections) {
    this.#port = port;
    this.#token = token;
    this.#count = clients;
  }

  begin(): void {
    if (this.#clients.length > 0) return;
    this.#clients = Array.from({ length: this.#count }, () => this.#keepAsking());
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
      else {
        // Nobody listens at the moment.
        this.refused++;
        await sleep(20);
      }
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
