// Much data up and down through a Nexus of its own, and how far its resident memory grows meanwhile.
import { once } from "node:events";
import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { TestScope } from "@hivematrix/lib/testing";
import { startTestProvider } from "../../core/testing_provider.ts";
import { residentBytes } from "../bench/gateway/processes.ts";
import { startCore, startNexus } from "../bench/sessions/services.ts";

export const MiB = 1024 * 1024;

/** Requirements, "Faults". */
export const goalGrowthBytes = 64 * MiB;

export interface TransferFigures {
  readonly downGrowthBytes: number;
  readonly upGrowthBytes: number;
  readonly downSeconds: number;
  readonly upSeconds: number;
}

/** What V8 and the allocator take for the first data is taken once. */
const warmUpBytes = 64 * MiB;

export async function runTransfer(scope: TestScope, bytes: number): Promise<TransferFigures> {
  const provider = await startTestProvider(scope);
  const core = await startCore(scope, { provider });
  const url = await startDepot(scope);
  const nexus = await startNexus(scope, { coreUrl: core.url, services: { depot: url } });
  const headers = { authorization: `Bearer ${await core.signIn(0)}` };
  const measure = async (act: (bytes: number) => Promise<number>) => {
    await act(warmUpBytes);
    const before = residentBytes([nexus.pid]);
    let peak = before;
    const timer = setInterval(() => {
      peak = Math.max(peak, residentBytes([nexus.pid]));
    }, 20);
    const startedAt = performance.now();
    const arrived = await act(bytes);
    const seconds = (performance.now() - startedAt) / 1000;
    clearInterval(timer);
    if (arrived !== bytes) throw new Error(`${arrived} of ${bytes} bytes have arrived`);
    return { seconds, growthBytes: peak - before };
  };
  const down = await measure(async (wanted) => {
    const sent = request(`${nexus.url}/depot/${wanted}`, { headers, agent: false }).end();
    return await countBytes(await answerOf(sent));
  });
  const up = await measure(async (wanted) => {
    const options = { method: "POST", headers: { ...headers, "content-length": wanted } };
    const sent = request(`${nexus.url}/depot/up`, { ...options, agent: false });
    const answered = answerOf(sent);
    await pipeline(Readable.from(zeros(wanted), { objectMode: false }), sent);
    let text = "";
    for await (const chunk of await answered) text += chunk;
    return Number(text);
  });
  return {
    downGrowthBytes: down.growthBytes,
    upGrowthBytes: up.growthBytes,
    downSeconds: down.seconds,
    upSeconds: up.seconds,
  };
}

/** A service that gives as many bytes as its path says, and counts what it gets. */
async function startDepot(scope: TestScope): Promise<string> {
  const server = createServer({ requestTimeout: 0 }, async (incoming, outgoing) => {
    if (incoming.method === "POST") {
      outgoing.end(String(await countBytes(incoming)));
      return;
    }
    const bytes = Number(incoming.url?.slice(1));
    outgoing.writeHead(200, {
      "content-type": "application/octet-stream",
      "content-length": bytes,
    });
    await pipeline(Readable.from(zeros(bytes), { objectMode: false }), outgoing).catch(() => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function* zeros(bytes: number): Generator<Buffer> {
  const chunk = Buffer.alloc(64 * 1024);
  for (let left = bytes; left > 0; left -= chunk.length) {
    yield left >= chunk.length ? chunk : chunk.subarray(0, left);
  }
}

async function answerOf(sent: ReturnType<typeof request>): Promise<IncomingMessage> {
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  if (answer.statusCode !== 200) throw new Error(`The answer was ${answer.statusCode}`);
  return answer;
}

async function countBytes(from: IncomingMessage): Promise<number> {
  let count = 0;
  for await (const chunk of from) count += (chunk as Buffer).length;
  return count;
}
