// What goes wrong in a round: each fault is undone after its time, or all at once when the round ends.
import { setTimeout as sleep } from "node:timers/promises";
import type { Cluster } from "./cluster.ts";
import type { RevocationModel } from "./revocation_model.ts";
import type { Action, ProcessName } from "./round_plan.ts";
import type { ServiceProcess } from "./service_process.ts";

export type Fault = Exclude<Action, { readonly do: "sign in" | "request" | "end" }>;

/** What a fault touches: one gateway and its way to Core, or all of them. */
type Extent = number | "all";

/** The connection on which a Core listens for the others (core_instance.ts). */
const listenerName = "hivematrix core instance";

export class Faults {
  readonly #cluster: Cluster;
  readonly #model: RevocationModel;
  readonly #underWay = new Set<Promise<void>>();
  readonly #troubles = new Map<Extent, { count: number; endedAtMs: number }>();
  #end = new AbortController();
  #isPostgresDown = false;
  #areOver = false;
  readonly figures = {
    coreKills: 0,
    gatewayKills: 0,
    stops: 0,
    pauses: 0,
    feedLosses: 0,
    slowFeeds: 0,
    otherLosses: 0,
    postgresKills: 0,
    listenersLost: 0,
  };

  constructor(cluster: Cluster, model: RevocationModel) {
    this.#cluster = cluster;
    this.#model = model;
  }

  /** Begins it, and undoes it after its time. */
  begin(fault: Fault): void {
    this.#areOver = false;
    const extent = this.#extentOf(fault);
    const trouble = this.#troubles.get(extent) ?? { count: 0, endedAtMs: 0 };
    this.#troubles.set(extent, trouble);
    trouble.count++;
    const underWay = this.#perform(fault).finally(() => {
      trouble.count--;
      trouble.endedAtMs = performance.now();
      this.#underWay.delete(underWay);
    });
    this.#underWay.add(underWay);
  }

  /** The round's last one has been undone. */
  get areOver(): boolean {
    return this.#areOver;
  }

  /** Since when nothing is wrong between a gateway and Core; `undefined` while something is. */
  wellSince(nexus: number): number | undefined {
    const troubles = [this.#troubles.get(nexus), this.#troubles.get("all")];
    const known = troubles.flatMap((trouble) => trouble ?? []);
    if (known.some(({ count }) => count > 0)) return undefined;
    return Math.max(0, ...known.map(({ endedAtMs }) => endedAtMs));
  }

  /** Undoes all that is under way: afterwards everything runs. */
  async mend(): Promise<void> {
    this.#end.abort();
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
    for (const relay of this.#cluster.relays) relay.mend();
    this.#end = new AbortController();
    this.#areOver = true;
  }

  async #perform(fault: Fault): Promise<void> {
    switch (fault.do) {
      case "hold":
        return await this.#hold(fault);
      case "delay":
        return await this.#delay(fault);
      case "cut":
        this.#countLoss(fault.lane);
        return this.#cluster.relays[fault.nexus]?.cut(fault.lane, fault.end);
      case "pause":
        return await this.#pause(this.#processOf(fault.process), fault.forMs);
      case "kill":
      case "stop":
        return await this.#takeDown(fault);
      case "kill postgres":
        return await this.#killPostgres(fault.downMs);
      case "pause listener":
        return await this.#pauseListener(fault.forMs);
      case "lose listener": {
        this.figures.listenersLost++;
        const listener = await this.#findListener();
        if (listener !== undefined) {
          const { sql } = this.#requirePostgres();
          await sql`select pg_terminate_backend(${listener})`.catch(() => {});
        }
      }
    }
  }

  async #hold({ nexus, lane, directions, forMs }: Fault & { do: "hold" }): Promise<void> {
    const relay = this.#cluster.relays[nexus];
    this.#countLoss(lane);
    for (const direction of directions) relay?.hold(lane, direction);
    await this.#wait(forMs);
    for (const direction of directions) relay?.release(lane, direction);
  }

  async #delay(fault: Fault & { do: "delay" }): Promise<void> {
    const { nexus, lane, direction, delayMs, forMs } = fault;
    const relay = this.#cluster.relays[nexus];
    if (lane === "feed") this.figures.slowFeeds++;
    relay?.delay(lane, direction, delayMs);
    await this.#wait(forMs);
    relay?.delay(lane, direction, 0);
  }

  async #pause(process: ServiceProcess, forMs: number): Promise<void> {
    if (!process.pause()) return;
    this.figures.pauses++;
    await this.#wait(forMs);
    process.resume();
  }

  async #takeDown(fault: Fault & { do: "kill" | "stop" }): Promise<void> {
    const process = this.#processOf(fault.process);
    const isCore = "core" in fault.process;
    const isLoss = isCore && this.#cluster.shape.store === "memory";
    if (isLoss) this.#model.loseAll();
    if (fault.do === "stop") {
      this.figures.stops++;
      await process.stop();
    } else {
      this.figures[isCore ? "coreKills" : "gatewayKills"]++;
      await process.kill();
    }
    if (isLoss) this.#model.loseAll();
    await this.#wait(fault.downMs);
    await process.start();
  }

  async #killPostgres(downMs: number): Promise<void> {
    if (this.#isPostgresDown) return;
    this.#isPostgresDown = true;
    this.figures.postgresKills++;
    const postgres = this.#requirePostgres();
    await postgres.kill();
    await this.#wait(downMs);
    await postgres.restart();
    this.#isPostgresDown = false;
  }

  /** The process on PostgreSQL's side that speaks for a Core: it hears and counts no more. */
  async #pauseListener(forMs: number): Promise<void> {
    const listener = await this.#findListener();
    if (listener === undefined) return;
    this.figures.listenersLost++;
    signal(listener, "SIGSTOP");
    await this.#wait(forMs);
    signal(listener, "SIGCONT");
  }

  async #findListener(): Promise<number | undefined> {
    if (this.#isPostgresDown) return undefined;
    const rows = await this.#requirePostgres().sql<{ pid: number }[]>`
      select pid from pg_stat_activity
      where application_name = ${listenerName} and datname = current_database()
      order by random() limit 1`.catch(() => []);
    return rows[0]?.pid;
  }

  async #wait(forMs: number): Promise<void> {
    await sleep(forMs, undefined, { signal: this.#end.signal }).catch(() => {});
  }

  #countLoss(lane: "feed" | "other"): void {
    this.figures[lane === "feed" ? "feedLosses" : "otherLosses"]++;
  }

  #extentOf(fault: Fault): Extent {
    if ("nexus" in fault) return fault.nexus;
    return "process" in fault && "nexus" in fault.process ? fault.process.nexus : "all";
  }

  #processOf(name: ProcessName): ServiceProcess {
    const { cores, gateways } = this.#cluster;
    const process = "core" in name ? cores[name.core] : gateways[name.nexus];
    if (process === undefined) throw new Error(`There is no process ${JSON.stringify(name)}`);
    return process;
  }

  #requirePostgres() {
    const { postgres } = this.#cluster;
    if (postgres === undefined) throw new Error("These Cores keep their sessions in memory");
    return postgres;
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended meanwhile.
  }
}
