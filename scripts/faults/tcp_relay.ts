// The network between one Nexus and Core, for tests: it can be slow, swallow either direction for a
// while, and lose connections at one end or both. The feed and all other connections are apart.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { TestScope } from "@hivematrix/lib/testing";

export const lanes = ["feed", "other"] as const;
export type Lane = (typeof lanes)[number];
export const directions = ["toCore", "toNexus"] as const;
export type Direction = (typeof directions)[number];
export type End = "both" | "core" | "nexus";

export interface TcpRelay {
  /** For CORE_SERVICE_URL. */
  readonly url: string;
  /** How many validations have passed to Core. */
  readonly validations: number;
  /** What comes from now on arrives so much later; 0 ends that. */
  delay(lane: Lane, direction: Direction, delayMs: number): void;
  /** What comes from now on, ends of connections included, waits until it is released. */
  hold(lane: Lane, direction: Direction): void;
  release(lane: Lane, direction: Direction): void;
  /** Ends connections; while a direction is held, the end that it leads to does not notice. */
  cut(lane: Lane, end: End): void;
  /** A sound network again. */
  mend(): void;
}

interface Conditions {
  delayMs: number;
  isHeld: boolean;
  /** Resolves at once unless held. */
  released: Promise<void>;
  release(): void;
}

interface Passage {
  readonly lane: Lane;
  readonly nexus: Socket;
  readonly core: Socket;
}

/** @param corePort where a new connection leads */
export async function startRelay(scope: TestScope, corePort: () => number): Promise<TcpRelay> {
  const conditions = new Map<string, Conditions>();
  const conditionsOf = (lane: Lane, direction: Direction): Conditions => {
    const key = `${lane} ${direction}`;
    const known = conditions.get(key) ?? freeConditions();
    conditions.set(key, known);
    return known;
  };
  const passages = new Set<Passage>();
  const counts = { validations: 0 };

  const begin = (nexus: Socket, first: Buffer) => {
    const lane = first.toString("latin1", 0, 40).startsWith("GET /api/revocations/feed")
      ? "feed"
      : "other";
    const core = connect(corePort(), "127.0.0.1");
    const passage = { lane, nexus, core } as const;
    passages.add(passage);
    core.setNoDelay(true);
    const toCore = createLine(() => conditionsOf(lane, "toCore"));
    const toNexus = createLine(() => conditionsOf(lane, "toNexus"));
    const passToCore = (chunk: Buffer) => {
      if (chunk.includes("POST /api/token/validate ")) counts.validations++;
      toCore(() => core.writable && core.write(chunk));
    };
    passToCore(first);
    nexus.on("data", passToCore);
    core.on("data", (chunk) => toNexus(() => nexus.writable && nexus.write(chunk)));
    core.on("error", () => core.destroy());
    nexus.once("close", () => toCore(() => core.destroy()));
    core.once("close", () => toNexus(() => nexus.destroy()));
    for (const socket of [nexus, core]) {
      socket.once("close", () => {
        if (nexus.destroyed && core.destroyed) passages.delete(passage);
      });
    }
  };
  const sockets = new Set<Socket>();
  const server = createServer((nexus) => {
    sockets.add(nexus);
    nexus.once("close", () => sockets.delete(nexus));
    nexus.setNoDelay(true);
    nexus.on("error", () => nexus.destroy());
    nexus.once("data", (first: Buffer) => begin(nexus, first));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const relay: TcpRelay = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get validations() {
      return counts.validations;
    },
    delay(lane, direction, delayMs) {
      conditionsOf(lane, direction).delayMs = delayMs;
    },
    hold(lane, direction) {
      holdBack(conditionsOf(lane, direction));
    },
    release: (lane, direction) => conditionsOf(lane, direction).release(),
    cut(lane, end) {
      for (const passage of passages) {
        if (passage.lane !== lane) continue;
        if (end !== "core") passage.nexus.destroy();
        if (end !== "nexus") passage.core.destroy();
      }
    },
    mend() {
      for (const known of conditions.values()) {
        known.delayMs = 0;
        known.release();
      }
    },
  };
  scope.after(() => {
    relay.mend();
    server.close();
    for (const socket of sockets) socket.destroy();
    for (const { core } of passages) core.destroy();
  });
  return relay;
}

/** One direction of one connection: whatever the conditions, nothing overtakes anything. */
function createLine(conditions: () => Conditions): (deliver: () => unknown) => void {
  let last = Promise.resolve();
  return (deliver) => {
    const { released, delayMs } = conditions();
    const dueAt = performance.now() + delayMs;
    last = last.then(async () => {
      await released;
      const leftMs = dueAt - performance.now();
      if (leftMs > 0) await sleep(leftMs);
      deliver();
    });
  };
}

function freeConditions(): Conditions {
  return { delayMs: 0, isHeld: false, released: Promise.resolve(), release() {} };
}

/** Held twice is held once: one release ends it. */
function holdBack(conditions: Conditions): void {
  if (conditions.isHeld) return;
  conditions.isHeld = true;
  conditions.released = new Promise((resolve) => {
    conditions.release = () => {
      conditions.isHeld = false;
      resolve();
    };
  });
}
