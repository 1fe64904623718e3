import path from "node:path";
import type { Log } from "@hivematrix/lib/log";
import {
  adoptProcess,
  type ManagedProcess,
  type ProcessPlace,
  spawnProcess,
} from "./managed_process.ts";
import { findFreePort } from "./port_check.ts";
import { isSameProcess, listRunFiles, type RunRecord, readRunFile } from "./run_file.ts";
import type { ServiceDefinition } from "./service_definition.ts";
import { endOfLog, readReason } from "./service_log.ts";
import type { SupervisionTimes } from "./supervision_times.ts";
import { type Watch, watchProcess } from "./watch_process.ts";

/** Where their run files are: apart from those of the processes that they stand in for. */
export function standInsDir(runDir: string): string {
  return path.join(runDir, "standins");
}

/** Services that a stand-in serves for at present, with its port: where services.json has to lead. */
export async function readStandInPorts(runDir: string): Promise<Map<string, number>> {
  const ports = new Map<string, number>();
  for (const name of await listRunFiles(standInsDir(runDir))) {
    const record = await readRunFile(standInsDir(runDir), name);
    if (record?.isServing !== true || record.port === undefined) continue;
    if (await isSameProcess(record)) ports.set(name, record.port);
  }
  return ports;
}

export interface StandInParts {
  readonly place: ProcessPlace;
  readonly times: SupervisionTimes;
  readonly log: Log;
  readonly isExcused: () => boolean;
}

/**
 * A second process of a service, on a port of its own, that serves while the first is restarted. It is
 * watched like the first; once it is of no use, it is over.
 */
export class StandIn {
  readonly #process: ManagedProcess;
  readonly #stopSignal: NodeJS.Signals;
  readonly #graceMs: number;
  readonly port: number;
  /** Aborted when it is to be watched no more. */
  readonly #unwatched = new AbortController();
  /** Resolves with the reason when it is gone, hangs, or has not become ready; or is watched no more. */
  readonly over: Promise<string>;
  readonly #ready: Promise<true>;
  #ended: Promise<void> | undefined;

  constructor(
    managed: ManagedProcess,
    definition: ServiceDefinition,
    parts: StandInParts,
    from = 0,
  ) {
    this.#process = managed;
    this.#stopSignal = definition.stopSignal ?? "SIGTERM";
    this.#graceMs = parts.times.stopGraceMs;
    this.port = definition.port ?? 0;
    let becomeReady = () => {};
    this.#ready = new Promise((resolve) => {
      becomeReady = () => resolve(true);
    });
    this.over = this.#watch(definition, parts, becomeReady, from);
  }

  /**
   * Starts one and returns when it is ready.
   *
   * @throws {Error} saying why it does not get ready; it is gone then
   */
  static async start(
    definition: ServiceDefinition,
    parts: StandInParts,
    signal: AbortSignal,
  ): Promise<StandIn> {
    const own = definition.onPort?.(await findFreePort(definition.name));
    if (own === undefined)
      throw new Error(`Two processes of ${definition.name} cannot run at a time`);
    const logStart = await endOfLog(parts.place.logFile);
    const managed = await spawnProcess(own, parts.place);
    const standIn = new StandIn(managed, own, parts, logStart);
    const stop = () => standIn.#unwatched.abort();
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
    const outcome = await Promise.race([standIn.#ready, standIn.over]);
    signal.removeEventListener("abort", stop);
    if (outcome === true && !signal.aborted) return standIn;
    await standIn.end();
    throw new Error(outcome === true ? "stopped" : outcome);
  }

  /** Takes over the one of a run file. */
  static adopt(record: RunRecord, definition: ServiceDefinition, parts: StandInParts): StandIn {
    const own = definition.onPort?.(record.port ?? 0) ?? definition;
    return new StandIn(adoptProcess(record, parts.place, parts.times.adoptedPollMs), own, parts);
  }

  get pid(): number {
    return this.#process.pid;
  }

  get isServing(): boolean {
    return this.#process.isServing;
  }

  /** Notes on disk whether others are to go to it, for services.json and for the next Helm. */
  async noteServing(isServing: boolean): Promise<void> {
    await this.#process.noteServing(isServing);
  }

  /** Lets it finish what it has under way; returns when it is gone, its children too. */
  end(): Promise<void> {
    this.#unwatched.abort();
    this.#ended ??= this.#process.end(this.#stopSignal, this.#graceMs);
    return this.#ended;
  }

  /** Helm stops, it runs on. */
  release(): void {
    this.#unwatched.abort();
    this.#process.release();
  }

  async #watch(
    { isReady, settle, startLimitMs }: ServiceDefinition,
    { place, times, log, isExcused }: StandInParts,
    becomeReady: () => void,
    logStart: number,
  ): Promise<string> {
    const watch: Watch = {
      isReady,
      ...(settle !== undefined && {
        settle: (over: AbortSignal) => settle({ tell: () => {}, signal: over, log }),
      }),
      times: { ...times, startLimitMs: startLimitMs ?? times.startLimitMs },
      signal: this.#unwatched.signal,
      isExcused,
      report: (state) => {
        if (state === "ready") becomeReady();
      },
    };
    const { fault } = await watchProcess(this.#process, watch);
    if (fault !== undefined) return fault;
    if (this.#unwatched.signal.aborted) return "stopped";
    const line = await readReason(place.logFile, logStart);
    const { ending } = this.#process;
    return line === undefined ? ending : `${ending}, last log line: ${line}`;
  }
}
