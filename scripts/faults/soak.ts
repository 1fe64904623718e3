// Many requests and WebSockets, a third of them ended badly, and what is left of them in the gateway.
import type { TestScope } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { startTestProvider } from "../../core/testing_provider.ts";
import { repeat } from "../bench/sessions/calls.ts";
import { startCore, startNexus } from "../bench/sessions/services.ts";
import { createSoakClient } from "./soak_client.ts";
import { startSoakUpstream } from "./soak_upstream.ts";

export interface SoakSizes {
  readonly requests: number;
  readonly sockets: number;
}

export interface SoakFigures {
  readonly socketsBefore: number;
  readonly socketsAfter: number;
  readonly upstreamConnectionsBefore: number;
  readonly upstreamConnectionsAfter: number;
  readonly liveBytesBefore: number;
  readonly liveBytesAfter: number;
  readonly residentBytesBefore: number;
  readonly residentBytesAfter: number;
}

/** Heap that stays may grow by a tenth (requirements, "Faults"). */
export const heapRatio = 1.1;

const atOnce = 32;
const warmUpRequests = 1000;
/** undici closes idle connections to services after four seconds, node idle ones of clients after five. */
const idleTimeoutMs = 30_000;

/** A first round fills caches and lets V8 compile what it will; then it is counted. */
export async function runSoak(
  scope: TestScope,
  { requests, sockets }: SoakSizes,
  report: (text: string) => void = () => {},
): Promise<SoakFigures> {
  const provider = await startTestProvider(scope);
  const core = await startCore(scope, { provider });
  const upstream = await startSoakUpstream(scope);
  const services = { soak: upstream.url };
  const nexus = await startNexus(scope, { coreUrl: core.url, services });
  const token = await core.signIn(0);
  const round = async (share: number) => {
    const client = createSoakClient(nexus.url, token);
    await Promise.all([
      repeat(Math.ceil(requests * share), atOnce, client.send),
      repeat(Math.ceil(sockets * share), atOnce, client.openSocket),
    ]);
    client.close();
  };
  const settle = async (socketsAtMost: number) => {
    let memory = await nexus.memory();
    await waitFor(
      async () => {
        memory = await nexus.memory();
        return memory.openSockets <= socketsAtMost && (await upstream.countConnections()) === 0;
      },
      { timeoutMs: idleTimeoutMs, what: `idle: ${JSON.stringify(memory)}` },
    ).catch((error: Error) => report(error.message));
    return { ...memory, upstreamConnections: await upstream.countConnections() };
  };

  const fresh = await nexus.memory();
  await round(Math.max(0.2, warmUpRequests / requests));
  const before = await settle(fresh.openSockets);
  report(`warmed up: ${JSON.stringify(before)}`);
  const startedAt = performance.now();
  await round(1);
  report(
    `${requests} requests, ${sockets} WebSockets: ${Math.round(performance.now() - startedAt)} ms`,
  );
  const after = await settle(before.openSockets);
  report(`idle again: ${JSON.stringify(after)}`);
  return {
    socketsBefore: before.openSockets,
    socketsAfter: after.openSockets,
    upstreamConnectionsBefore: before.upstreamConnections,
    upstreamConnectionsAfter: after.upstreamConnections,
    liveBytesBefore: before.liveBytes,
    liveBytesAfter: after.liveBytes,
    residentBytesBefore: before.residentBytes,
    residentBytesAfter: after.residentBytes,
  };
}

/** What is left although it should not be. */
export function findLeaks(figures: SoakFigures): string[] {
  const leaks: string[] = [];
  if (figures.socketsAfter > figures.socketsBefore) leaks.push("sockets of the gateway");
  if (figures.upstreamConnectionsAfter > figures.upstreamConnectionsBefore) {
    leaks.push("connections to the service");
  }
  if (figures.liveBytesAfter > figures.liveBytesBefore * heapRatio) leaks.push("heap");
  return leaks;
}
