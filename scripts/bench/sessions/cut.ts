import { randomBytes } from "node:crypto";
import { request } from "node:http";
import type { Socket } from "node:net";
import { findFreePort } from "@hivematrix/lib/postgres_testing";
import { endAll, repeat } from "./calls.ts";
import { type Figure, median, percentile } from "./figures.ts";
import { startMeasured } from "./measured_process.ts";
import type { Bench } from "./part.ts";
import { startCore, startNexus } from "./services.ts";

/** Issue 3, item 2. */
const goalMs = 250;

/** So many sockets are opened at once, and so many people sign in at once. */
const atOnce = 16;

/**
 * How long after a revoke was sent the browser's WebSockets are closed, while very many are open
 * through Nexus to a service: of a session each and of one session all.
 */
export async function measureCuts({ scope, sizes, provider }: Bench): Promise<Figure[]> {
  const core = await startCore(scope, { provider });
  const port = await findFreePort();
  const folder = import.meta.dirname;
  const service = await startMeasured(scope, { folder, entry: "socket_service.ts", port });
  const services = { sockets: service.url };
  const nexus = await startNexus(scope, { coreUrl: core.url, services });
  const address = `${nexus.url}/sockets/`;
  const { openSockets, revokes } = sizes;

  const single: number[] = [];
  const together: number[] = [];
  const all: number[] = [];
  await repeat(sizes.rounds, 1, async () => {
    // Those that are cut one after the other come on top, so that never less are open.
    const tokens = await repeat(openSockets + revokes, atOnce, () => core.signIn(0));
    const sockets = await repeat(tokens.length, atOnce, (i) => open(address, tokens[i] ?? ""));
    for (const [index, token] of tokens.slice(0, revokes).entries()) {
      single.push(...(await cut(sockets.slice(index, index + 1), () => core.revoke(token))));
    }
    const endOthers = () => endAll(core.url, tokens.at(-1) ?? "");
    all.push(percentile(await cut(sockets.slice(revokes), endOthers), 0.99));

    const token = await core.signIn(0);
    const ofOne = await repeat(openSockets, atOnce, () => open(address, token));
    together.push(percentile(await cut(ofOne, () => core.revoke(token)), 0.99));
  });
  const sessions = `${openSockets} sessions with a WebSocket each`;
  const goal = goalMs;
  return [
    { what: `revoke to cut, one of ${sessions}, p50`, value: median(single), unit: "ms" },
    {
      what: `revoke to cut, one of ${sessions}, p99`,
      value: percentile(single, 0.99),
      unit: "ms",
      goal,
    },
    {
      what: `revoke to cut, one session with ${openSockets} WebSockets, p99`,
      value: median(together),
      unit: "ms",
      goal,
    },
    { what: `end of all to cut, ${sessions}, p99`, value: median(all), unit: "ms", goal },
  ];
}

/** As far as a browser's WebSocket goes that is silent; more would be work of this process. */
function open(address: string, token: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${token}`,
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": randomBytes(16).toString("base64"),
    };
    const asked = request(address, { headers });
    asked.once("upgrade", (_response, socket) => {
      socket.on("error", () => socket.destroy());
      resolve(socket.resume());
    });
    asked.once("response", ({ statusCode }) => {
      reject(new Error(`A WebSocket was refused with ${statusCode}`));
    });
    asked.once("error", reject).end();
  });
}

/** @returns for each socket the milliseconds from the call until its end is seen */
async function cut(sockets: readonly Socket[], end: () => Promise<unknown>): Promise<number[]> {
  const startedAt = performance.now();
  const tookMs = sockets.map(
    (socket) =>
      new Promise<number>((resolve) => {
        socket.once("end", () => resolve(performance.now() - startedAt));
        socket.once("close", () => resolve(performance.now() - startedAt));
      }),
  );
  await end();
  return await Promise.all(tookMs);
}
