// What happens in a round, and when: chosen by a seed, so that the same seed is the same plan. How the
// processes interleave under it is theirs. Chance alone seldom brings the few events together by
// which a protocol fails, so a part of each plan is a scene: events that belong together, each at a
// random moment.
import { createRandom } from "../../core/durability_testing.ts";
import type { ClusterShape } from "./cluster.ts";
import type { RequestKind } from "./revocation_model.ts";
import { type Ending, endings } from "./session_operations.ts";
import { type Direction, type End, type Lane, lanes } from "./tcp_relay.ts";

/** Sessions that are there, and known to each gateway, before a round begins. */
export const firstSlots = 8;

export type ProcessName = { readonly core: number } | { readonly nexus: number };

export type Action = { readonly atMs: number } & (
  | {
      readonly do: "sign in";
      readonly core: number;
      readonly slot: number;
      readonly person: number;
    }
  | {
      readonly do: "request";
      readonly nexus: number;
      readonly slot: number;
      readonly kind: RequestKind;
      readonly credential: "cookie" | "bearer";
      readonly isFresh: boolean;
    }
  | { readonly do: "end"; readonly core: number; readonly slot: number; readonly how: Ending }
  | {
      readonly do: "hold";
      readonly nexus: number;
      readonly lane: Lane;
      readonly directions: readonly Direction[];
      readonly forMs: number;
    }
  | {
      readonly do: "delay";
      readonly nexus: number;
      readonly lane: Lane;
      readonly direction: Direction;
      readonly delayMs: number;
      readonly forMs: number;
    }
  | { readonly do: "cut"; readonly nexus: number; readonly lane: Lane; readonly end: End }
  | { readonly do: "pause"; readonly process: ProcessName; readonly forMs: number }
  | { readonly do: "kill" | "stop"; readonly process: ProcessName; readonly downMs: number }
  | { readonly do: "kill postgres"; readonly downMs: number }
  | { readonly do: "lose listener" }
  | { readonly do: "pause listener"; readonly forMs: number }
);

export interface RoundPlan {
  readonly seed: number;
  readonly forMs: number;
  /** In the order of time. */
  readonly actions: readonly Action[];
}

/** Chooses for a plan. */
export class Choice {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = createRandom(scatter(seed));
  }

  /** A whole number from least to most. */
  between(least: number, most: number): number {
    return least + Math.floor(this.#random() * (most - least + 1));
  }

  index(count: number): number {
    return this.between(0, count - 1);
  }

  of<T>(values: readonly [T, ...T[]] | readonly T[]): T {
    return values[this.index(values.length)] as T;
  }

  happens(probability: number): boolean {
    return this.#random() < probability;
  }
}

/** Neighbouring seeds would begin with neighbouring numbers (the finalizer of MurmurHash3). */
function scatter(seed: number): number {
  let bits = seed | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

export function planRound(seed: number, shape: ClusterShape): RoundPlan {
  const choice = new Choice(seed);
  const planner = new RoundPlanner(choice, shape);
  const forMs = planner.plan();
  const actions = planner.actions.filter(({ atMs }) => atMs <= forMs);
  return { seed, forMs, actions: actions.sort((a, b) => a.atMs - b.atMs) };
}

class RoundPlanner {
  readonly actions: Action[] = [];
  readonly #choice: Choice;
  readonly #shape: ClusterShape;
  #slots = firstSlots;

  constructor(choice: Choice, shape: ClusterShape) {
    this.#choice = choice;
    this.#shape = shape;
  }

  /** @returns how long the round takes */
  plan(): number {
    const choice = this.#choice;
    const forMs = choice.between(4000, 7000);
    for (let atMs = 0; atMs < forMs; atMs += choice.between(10, 60)) this.#request(atMs);
    for (let atMs = 100; atMs < forMs; atMs += choice.between(300, 1200)) this.#signIn(atMs);
    for (let atMs = 200; atMs < forMs; atMs += choice.between(300, 1500)) {
      this.#end(atMs, choice.index(this.#slots), { how: choice.of(endings) });
    }
    for (let count = choice.between(1, 4); count > 0; count--) {
      this.#fault(choice.between(0, forMs - 1000));
    }
    for (let count = choice.between(1, 3); count > 0; count--) {
      this.#scene(choice.between(0, 1200));
    }
    return forMs;
  }

  #scene(atMs: number): void {
    const scenes = [
      () => this.#lateAnswer(atMs, { isFeedLost: false }),
      () => this.#lateAnswer(atMs, { isFeedLost: false }),
      () => this.#lateAnswer(atMs, { isFeedLost: true }),
      () => this.#lateAnswer(atMs, { isFeedLost: true }),
      () => this.#silentFeed(atMs),
      () => this.#silentFeed(atMs),
      () => this.#freshCore(atMs),
      () => this.#freshCore(atMs),
      () => this.#pausedGateway(atMs),
      () => this.#brokenEnd(atMs),
    ];
    this.#choice.of(scenes)();
  }

  /** Core says "live", and before that arrives the session ends; the feed may be lost meanwhile. */
  #lateAnswer(atMs: number, { isFeedLost }: { isFeedLost: boolean }): void {
    const choice = this.#choice;
    const nexus = choice.index(this.#shape.gateways);
    const slot = this.#signIn(atMs);
    const askedAt = atMs + choice.between(300, 800);
    const heldMs = choice.between(400, 4500);
    this.#hold(askedAt - 20, { nexus, lane: "other", directions: toNexus, forMs: heldMs });
    for (const kind of ["echo", "stream", "socket"] as const)
      this.#request(askedAt + choice.index(30), { nexus, slot, kind });
    const endedAt = askedAt + choice.between(60, 400);
    if (isFeedLost) {
      const lostAt = endedAt + choice.between(-100, 50);
      const forMs = choice.between(100, Math.round(heldMs * 0.8));
      this.#hold(lostAt, { nexus, lane: "feed", directions: toCore, forMs });
      this.actions.push({ atMs: lostAt + 5, do: "cut", nexus, lane: "feed", end: "both" });
    }
    this.#end(endedAt, slot);
    this.#requests(askedAt + 100, askedAt + heldMs + 1200, { nexus, slot });
  }

  /** The feed is slow, then silent, perhaps gone at one end. */
  #silentFeed(atMs: number): void {
    const choice = this.#choice;
    const nexus = choice.index(this.#shape.gateways);
    const slot = choice.index(firstSlots);
    const silentAt = atMs + choice.between(1000, 2200);
    const forMs = choice.between(500, 4000);
    if (choice.happens(0.7)) {
      const delayMs = choice.between(50, 1500);
      const conditions = { lane: "feed", direction: "toNexus", delayMs } as const;
      this.actions.push({
        atMs,
        do: "delay",
        nexus,
        ...conditions,
        forMs: silentAt - atMs + forMs,
      });
    }
    const directions = choice.happens(0.8) ? bothWays : choice.of([toCore, toNexus]);
    this.#hold(silentAt, { nexus, lane: "feed", directions, forMs });
    if (choice.happens(0.4)) {
      const end = choice.of<End>(["core", "core", "nexus"]);
      const lostAt = silentAt + choice.between(0, 600);
      this.actions.push({ atMs: lostAt, do: "cut", nexus, lane: "feed", end });
    }
    this.#end(silentAt + choice.between(0, 500), slot);
    this.#requests(silentAt, silentAt + 4000, { nexus, slot });
  }

  /** Core begins anew while a gateway still holds what the one before has granted. */
  #freshCore(atMs: number): void {
    const choice = this.#choice;
    const nexus = choice.index(this.#shape.gateways);
    const slot = choice.index(firstSlots);
    const goneAt = atMs + choice.between(50, 1100);
    const core = choice.index(this.#shape.cores);
    const forMs = choice.between(1500, 4000);
    this.#hold(goneAt - 5, { nexus, lane: "feed", directions: toNexus, forMs });
    const manner = choice.happens(0.8) ? "kill" : "stop";
    this.actions.push({ atMs: goneAt, do: manner, process: { core }, downMs: 0 });
    this.#end(goneAt + choice.between(20, 300), slot, { core });
    this.#requests(goneAt, goneAt + 3500, { nexus, slot });
  }

  /** A gateway wakes up to what was sent to it while it was stopped. */
  #pausedGateway(atMs: number): void {
    const choice = this.#choice;
    const nexus = choice.index(this.#shape.gateways);
    const slot = choice.index(firstSlots);
    const pausedAt = atMs + choice.between(0, 1000);
    const forMs = choice.happens(0.5) ? choice.between(50, 1900) : choice.between(1900, 5000);
    this.actions.push({ atMs: pausedAt, do: "pause", process: { nexus }, forMs });
    this.#end(pausedAt + choice.between(0, Math.min(forMs, 1500)), slot);
    this.#requests(pausedAt, pausedAt + forMs + 500, { nexus, slot });
  }

  /** Core dies between storing an end and telling of it; another one, or the next, is asked again. */
  #brokenEnd(atMs: number): void {
    const choice = this.#choice;
    const nexus = choice.index(this.#shape.gateways);
    const slot = choice.index(firstSlots);
    const core = choice.index(this.#shape.cores);
    const endedAt = atMs + choice.between(100, 1000);
    if (choice.happens(0.5)) {
      const forMs = choice.between(500, 3000);
      this.#hold(endedAt - 50, { nexus, lane: "feed", directions: toNexus, forMs });
    }
    this.#end(endedAt, slot, { core });
    const diesAt = endedAt + choice.between(0, 40);
    this.actions.push({ atMs: diesAt, do: "kill", process: { core }, downMs: choice.index(500) });
    this.#requests(endedAt, endedAt + 3000, { nexus, slot });
  }

  #fault(atMs: number): void {
    const choice = this.#choice;
    const { cores, gateways, store } = this.#shape;
    const process = choice.happens(0.5)
      ? { core: choice.index(cores) }
      : { nexus: choice.index(gateways) };
    const nexus = choice.index(gateways);
    const lane = choice.of(lanes);
    const forMs = choice.happens(0.5) ? choice.between(50, 1900) : choice.between(1900, 5000);
    const faults: (() => void)[] = [
      () => this.actions.push({ atMs, do: "pause", process, forMs }),
      () => this.actions.push({ atMs, do: "pause", process, forMs }),
      () => this.actions.push({ atMs, do: "kill", process, downMs: choice.index(1500) }),
      () => this.actions.push({ atMs, do: "kill", process: { nexus }, downMs: choice.index(500) }),
      () => this.actions.push({ atMs, do: "stop", process, downMs: choice.index(500) }),
      () => this.#hold(atMs, { nexus, lane, directions: choice.of(someWays), forMs }),
      () => this.actions.push({ atMs, do: "cut", nexus, lane, end: "both" }),
      () => {
        const direction = choice.of([...toCore, ...toNexus]);
        const delayMs = choice.between(20, 1500);
        this.actions.push({ atMs, do: "delay", nexus, lane, direction, delayMs, forMs });
      },
    ];
    if (store === "postgres") {
      const downMs = choice.index(1200);
      faults.push(
        () => this.actions.push({ atMs, do: "lose listener" }),
        () => this.actions.push({ atMs, do: "pause listener", forMs }),
        () => this.actions.push({ atMs, do: "kill postgres", downMs }),
      );
    }
    choice.of(faults)();
  }

  #hold(
    atMs: number,
    hold: {
      nexus: number;
      lane: Lane;
      directions: readonly Direction[];
      forMs: number;
    },
  ): void {
    this.actions.push({ atMs, do: "hold", ...hold });
  }

  #signIn(atMs: number): number {
    const slot = this.#slots++;
    const core = this.#choice.index(this.#shape.cores);
    this.actions.push({ atMs, do: "sign in", core, slot, person: this.#choice.index(3) });
    return slot;
  }

  #end(atMs: number, slot: number, given: { core?: number; how?: Ending } = {}): void {
    const choice = this.#choice;
    const { core = choice.index(this.#shape.cores), how = choice.of(ownEndings) } = given;
    this.actions.push({ atMs, do: "end", core, slot, how });
  }

  #requests(fromMs: number, toMs: number, of: { nexus: number; slot: number }): void {
    for (let atMs = fromMs; atMs < toMs; atMs += this.#choice.between(20, 100))
      this.#request(atMs, of);
  }

  #request(atMs: number, given: { nexus?: number; slot?: number; kind?: RequestKind } = {}): void {
    const choice = this.#choice;
    const {
      nexus = choice.index(this.#shape.gateways),
      slot = choice.index(this.#slots),
      kind = choice.of<RequestKind>(usualKinds),
    } = given;
    const credential = choice.of(["cookie", "bearer"] as const);
    const isFresh = choice.happens(0.5);
    this.actions.push({ atMs, do: "request", nexus, slot, kind, credential, isFresh });
  }
}

/** Those that end the session that they are asked for. */
const ownEndings = endings.filter((how) => how !== "end others");
const toCore: readonly Direction[] = ["toCore"];
const toNexus: readonly Direction[] = ["toNexus"];
const bothWays: readonly Direction[] = ["toCore", "toNexus"];
const someWays = [toCore, toNexus, bothWays];
const usualKinds: readonly RequestKind[] = [
  "echo",
  "echo",
  "echo",
  "echo",
  "me",
  "me",
  "stream",
  "socket",
];
