import type { Log } from "@hivematrix/lib/log";
import type { ProcessPlace } from "./managed_process.ts";
import { pause } from "./pause.ts";
import { prepareService } from "./preparation.ts";
import type { RunRecord } from "./run_file.ts";
import type { ServiceDefinition } from "./service_definition.ts";
import type { ServiceStatus } from "./service_status.ts";
import { StandIn, type StandInParts, standInsDir } from "./stand_in.ts";
import type { SupervisionTimes } from "./supervision_times.ts";

/** The process that is restarted. */
export interface Restarted {
  readonly status: ServiceStatus;
  start(): void;
  stop(): Promise<void>;
}

export interface GaplessParts {
  readonly main: Restarted;
  /** Of the main process. */
  readonly place: ProcessPlace;
  readonly times: SupervisionTimes;
  readonly log: Log;
  readonly readDefinition: () => Promise<ServiceDefinition>;
  readonly isExcused: () => boolean;
  /** Has everybody go to where the services are now (services.json). */
  readonly announce: () => Promise<void>;
  /** Resolves when any service has changed, or with the signal. */
  readonly nextChange: (signal: AbortSignal) => Promise<void>;
  readonly onChange: () => void;
}

/**
 * Restarts a service in such a way that somebody always answers: a stand-in comes up on another port,
 * everybody is sent there, the main process is restarted on the port that is configured, everybody is
 * sent back. Node 20 lets no two processes listen on one port, and whoever has read services.json once
 * and for all relies on the configured one.
 *
 * The run files tell at each moment who serves: a stand-in's says whether services.json leads to it. A
 * Helm that is killed on the way leaves a service that answers, and the next one sends people back.
 */
export class GaplessRestart {
  readonly #parts: GaplessParts;
  readonly #standInParts: StandInParts;
  #standIn: StandIn | undefined;
  /** The end of the stand-in, once there is no way back from it. */
  #retirement: Promise<void> | undefined;
  /** Aborted when the service is stopped, or Helm ends. */
  #life = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #waiting: Promise<void> | undefined;
  #failure: string | undefined;

  constructor(parts: GaplessParts) {
    this.#parts = parts;
    const { place, times, log, isExcused } = parts;
    const ownPlace = { ...place, runDir: standInsDir(place.runDir) };
    this.#standInParts = { place: ownPlace, times, log, isExcused };
  }

  /** The process that people are sent to instead. */
  get standIn(): ServiceStatus["standIn"] {
    const standIn = this.#standIn;
    return standIn?.isServing ? { pid: standIn.pid, port: standIn.port } : undefined;
  }

  /** Why the last restart has not come about; the process before it runs on. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /**
   * Resolves when the new process serves. Asked for several times while one is under way, there is one
   * more after it.
   *
   * @throws {Error} when the new process does not get ready: the old one then runs on; where only the
   *   last step fails, the stand-in does
   */
  restart(): Promise<void> {
    this.#waiting ??= this.#running
      .catch(() => {})
      .then(() => {
        this.#waiting = undefined;
        this.#running = this.#restart(this.#life.signal);
        return this.#running;
      });
    return this.#waiting;
  }

  /** Takes over the stand-in of a former Helm and finishes what that has begun. */
  adopt(record: RunRecord, definition: ServiceDefinition): void {
    const standIn = StandIn.adopt(record, definition, this.#standInParts);
    this.#keep(standIn);
    void this.#retireWhenReady(standIn, this.#life.signal);
  }

  /** Ends the restart that is under way, and the stand-in. */
  async end(): Promise<void> {
    this.#life.abort();
    this.#life = new AbortController();
    this.#failure = undefined;
    await this.#running.catch(() => {});
    if (this.#standIn !== undefined) await this.#endStandIn(this.#standIn);
  }

  /** Helm stops, the processes run on. */
  detach(): void {
    this.#life.abort();
    this.#standIn?.release();
    this.#standIn = undefined;
  }

  async #restart(signal: AbortSignal): Promise<void> {
    const { main, log } = this.#parts;
    const { name, pid } = main.status;
    this.#failure = undefined;
    await this.#retirement;
    try {
      // Where one serves already, the last restart has not come to its end.
      this.#standIn ??= await this.#bringUp(signal);
    } catch (error) {
      requireGoingOn(name, signal);
      const reason = (error as Error).message;
      const untouched = `process ${pid} runs on as before`;
      this.#failure = `its restart failed, ${untouched}: ${reason}`;
      this.#parts.onChange();
      throw new Error(`Cannot restart ${name}, ${untouched}: ${reason}`, { cause: error });
    }
    const standIn = this.#standIn;
    requireGoingOn(name, signal);
    log.info(`${name}: a stand-in serves`, { pid: standIn.pid, port: standIn.port });
    await main.stop();
    requireGoingOn(name, signal);
    main.start();
    await this.#untilServed(standIn, signal);
    requireGoingOn(name, signal);
  }

  /** @returns a stand-in that everybody has been sent to */
  async #bringUp(signal: AbortSignal): Promise<StandIn> {
    const { readDefinition, announce, times, log } = this.#parts;
    const definition = await readDefinition();
    await prepareService(definition, { tell: () => {}, signal, log }, times);
    signal.throwIfAborted();
    const standIn = await StandIn.start(definition, this.#standInParts, signal);
    this.#keep(standIn);
    try {
      await standIn.noteServing(true);
      await announce();
    } catch (error) {
      await this.#endStandIn(standIn);
      throw error;
    }
    this.#parts.onChange();
    await Promise.race([pause(times.takeUpMs, signal), standIn.over]);
    if (this.#standIn === standIn || signal.aborted) return standIn;
    await this.#endStandIn(standIn);
    throw new Error(await standIn.over);
  }

  /** When it dies, there is only the main process to go to. */
  #keep(standIn: StandIn): void {
    this.#standIn = standIn;
    void standIn.over.then(async (reason) => {
      if (this.#standIn !== standIn || reason === "stopped") return;
      const { log, main } = this.#parts;
      log.warn(`the stand-in of ${main.status.name} died: ${reason}`, { pid: standIn.pid });
      await this.#endStandIn(standIn);
    });
  }

  /** @throws {Error} when the main process does not get ready; it is tried on, and the stand-in serves */
  async #untilServed(standIn: StandIn, signal: AbortSignal): Promise<void> {
    const { main, nextChange } = this.#parts;
    const done = new AbortController();
    void this.#retireWhenReady(standIn, signal).finally(() => done.abort());
    const change = AbortSignal.any([done.signal, signal]);
    while (!change.aborted) {
      const { state, name, reason } = main.status;
      if (state === "crash-looping" && this.#standIn === standIn) {
        const meanwhile = `process ${standIn.pid} on port ${standIn.port} serves meanwhile`;
        throw new Error(`Cannot restart ${name}, ${meanwhile}: ${reason}`);
      }
      await nextChange(change);
    }
  }

  async #retireWhenReady(standIn: StandIn, signal: AbortSignal): Promise<void> {
    const { main, nextChange } = this.#parts;
    const isNeeded = () => this.#standIn === standIn && !signal.aborted;
    while (isNeeded() && main.status.state !== "ready") await nextChange(signal);
    if (!isNeeded()) return;
    this.#retirement ??= this.#retire(standIn, signal).finally(() => {
      this.#retirement = undefined;
    });
    await this.#retirement;
  }

  /** Sends everybody back to the main process. */
  async #retire(standIn: StandIn, signal: AbortSignal): Promise<void> {
    const { times, log, main } = this.#parts;
    const isThere = () => this.#standIn === standIn && !signal.aborted;
    while (isThere() && !(await this.#sendBack(standIn))) await pause(times.takeUpMs, signal);
    await pause(times.takeUpMs, signal);
    if (!isThere()) return;
    await this.#endStandIn(standIn);
    log.info(`${main.status.name}: the stand-in has ended`, { pid: standIn.pid });
  }

  /** @returns false when it could not be written down (a full disk); the stand-in has to stay then */
  async #sendBack(standIn: StandIn): Promise<boolean> {
    const { announce, log, main } = this.#parts;
    try {
      await standIn.noteServing(false);
      await announce();
      return true;
    } catch (error) {
      log.error(`Cannot end the stand-in of ${main.status.name} yet`, { error });
      return false;
    }
  }

  /** Never fails: a process that cannot be ended is no reason to end anything else. */
  async #endStandIn(standIn: StandIn): Promise<void> {
    const { announce, log, main, onChange } = this.#parts;
    this.#standIn = undefined;
    const { isServing } = standIn;
    try {
      await standIn.end();
      if (isServing) await announce();
    } catch (error) {
      log.error(`Cannot end the stand-in of ${main.status.name}`, { error });
    }
    onChange();
  }
}

/** @throws {Error} once somebody has stopped the service */
function requireGoingOn(name: string, signal: AbortSignal): void {
  if (signal.aborted) throw new Error(`Cannot restart ${name}: it was stopped meanwhile`);
}
