// One round: sessions begin, are used and end while the plan's faults come and go; then everything is
// mended, and what has to hold afterwards is checked.
import { setTimeout as sleep } from "node:timers/promises";
import { waitFor } from "@hivematrix/lib/wait_for";
import { describeRequest, type ModelSession } from "./revocation_model.ts";
import { type Action, firstSlots, type RoundPlan } from "./round_plan.ts";
import { cutWithinMs, dueFrom, type Stage } from "./stage.ts";

/** After all is mended: how soon live sessions are served everywhere, and ends answered. */
export const livesWithinMs = 15_000;

/** An end that failed is asked for again, as a person would. */
const retryMs = { broken: 40, unconfirmed: 200 };

export interface RoundFigures {
  /** From the mending to all live sessions served at all gateways. */
  readonly servedAgainMs: number;
  /** From the mending to the last end answered. */
  readonly endedAgainMs: number;
}

/** @throws {Error} when the round cannot even begin: that is a fault of the test or of a start */
export async function runRound(stage: Stage, plan: RoundPlan): Promise<RoundFigures> {
  const round = new Round(stage, plan);
  await round.begin();
  await round.perform();
  await stage.faults.mend();
  const figures = await round.checkLife();
  await round.checkConnections();
  await stage.settle();
  return figures;
}

class Round {
  readonly #stage: Stage;
  readonly #plan: RoundPlan;
  readonly #slots = new Map<number, ModelSession>();
  readonly #underWay = new Set<Promise<void>>();
  #giveUpAtMs = Number.POSITIVE_INFINITY;

  constructor(stage: Stage, plan: RoundPlan) {
    this.#stage = stage;
    this.#plan = plan;
  }

  /** The first sessions, used until every gateway trusts them. */
  async begin(): Promise<void> {
    for (let slot = 0; slot < firstSlots; slot++) {
      await waitFor(
        async () => {
          await this.#signIn(slot, slot % this.#stage.cluster.cores.length, slot % 3);
          return this.#slots.has(slot);
        },
        { timeoutMs: livesWithinMs, what: "a sign-in when all is well" },
      );
    }
    for (const [nexus, relay] of this.#stage.cluster.relays.entries()) {
      const isTrusted = async () => {
        const before = relay.validations;
        const asking = [...this.#slots.values()].map((session) => this.#isServed(session, nexus));
        return !(await Promise.all(asking)).includes(false) && relay.validations === before;
      };
      await waitFor(isTrusted, {
        timeoutMs: livesWithinMs,
        what: `gateway ${nexus} to serve sessions without asking Core about each request`,
      });
    }
  }

  async perform(): Promise<void> {
    const startedAtMs = performance.now();
    for (const action of this.#plan.actions) {
      const earlyMs = startedAtMs + action.atMs - performance.now();
      if (earlyMs > 0) await sleep(earlyMs);
      this.#do(action);
    }
    await sleep(Math.max(0, startedAtMs + this.#plan.forMs - performance.now()));
  }

  /** Refusing everything would be safe, and no use. */
  async checkLife(): Promise<RoundFigures> {
    const mendedAtMs = performance.now();
    this.#giveUpAtMs = mendedAtMs + livesWithinMs;
    const { cluster, model } = this.#stage;
    const fresh = await Promise.all(cluster.cores.map((_, core) => this.#signInAgain(core)));
    const isLive = (session: ModelSession | undefined): session is ModelSession =>
      session !== undefined && !session.mayBeOver;
    for (const session of [...this.#slots.values(), ...fresh].filter(isLive)) {
      for (const nexus of cluster.gateways.keys()) {
        while (!session.mayBeOver && !(await this.#isServed(session, nexus))) {
          if (performance.now() > this.#giveUpAtMs) {
            model.violations.push(`not alive: ${session.name} is not served at nexus ${nexus}`);
            break;
          }
          await sleep(20);
        }
      }
    }
    const servedAgainMs = performance.now() - mendedAtMs;
    // The ends of the round that are still being asked for, and one at each Core.
    const ends = fresh.map(async (session, core) => {
      if (session !== undefined) await this.#end(core, session, "revoke");
    });
    await Promise.all([...ends, ...this.#underWay]);
    return { servedAgainMs, endedAgainMs: performance.now() - mendedAtMs };
  }

  async checkConnections(): Promise<void> {
    const { client, faults, model } = this.#stage;
    for (const connection of client.connections) {
      const from = dueFrom(connection, faults);
      const isCut = () => connection.closedAtMs !== undefined;
      if (from !== undefined) {
        while (!isCut() && performance.now() < from + cutWithinMs) await sleep(20);
        if (!isCut()) {
          const { request } = connection;
          model.violations.push(
            `not cut: ${describeRequest(request)} is open ${cutWithinMs} ms after it had to end (${request.session.ended?.by})`,
          );
        }
      }
      client.connections.delete(connection);
      connection.close();
    }
  }

  #do(action: Action): void {
    const { client, faults } = this.#stage;
    switch (action.do) {
      case "sign in":
        this.#start(this.#signIn(action.slot, action.core, action.person));
        return;
      case "request": {
        const { slot, nexus, kind, credential, isFresh } = action;
        const session = this.#slots.get(slot);
        if (session !== undefined) void client.send({ session, nexus, kind, credential, isFresh });
        return;
      }
      case "end": {
        const session = this.#slots.get(action.slot);
        if (session !== undefined) this.#start(this.#end(action.core, session, action.how));
        return;
      }
      default:
        faults.begin(action);
    }
  }

  #start(work: Promise<void>): void {
    const underWay = work.finally(() => this.#underWay.delete(underWay));
    this.#underWay.add(underWay);
  }

  async #signIn(slot: number, core: number, person: number): Promise<void> {
    const { seed } = this.#plan;
    const name = `session ${slot}`;
    const session = await this.#stage.operations.signIn(core, name, `${seed}-${person}`);
    if (session !== undefined) this.#slots.set(slot, session);
  }

  async #signInAgain(core: number): Promise<ModelSession | undefined> {
    const { operations, model } = this.#stage;
    while (performance.now() < this.#giveUpAtMs) {
      const name = `fresh session of core ${core}`;
      const session = await operations.signIn(core, name, `${this.#plan.seed}-fresh-${core}`);
      if (session !== undefined) return session;
      await sleep(retryMs.broken);
    }
    model.violations.push(`not alive: core ${core} signs nobody in`);
    return undefined;
  }

  /** Until it is answered, at one Core after the other. */
  async #end(
    firstCore: number,
    session: ModelSession,
    how: Parameters<Stage["operations"]["end"]>[2],
  ): Promise<void> {
    const { operations, model, cluster } = this.#stage;
    for (let core = firstCore; ; core++) {
      const status = await operations.end(core % cluster.cores.length, session, how);
      if (status !== 0 && status !== 503) return;
      if (performance.now() > this.#giveUpAtMs) {
        model.violations.push(`not alive: "${how}" of ${session.name} is not answered`);
        return;
      }
      await sleep(status === 0 ? retryMs.broken : retryMs.unconfirmed);
    }
  }

  async #isServed(session: ModelSession, nexus: number): Promise<boolean> {
    const { client } = this.#stage;
    const request = { session, nexus, kind: "echo", credential: "bearer", isFresh: false } as const;
    return (await client.send(request)) === 200;
  }
}
