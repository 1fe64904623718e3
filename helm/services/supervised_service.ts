import type { Log } from "@hivematrix/lib/log";
import { endedMeanwhile, replaceKeptProcesses } from "./kept_processes.ts";
import {
  adoptProcess,
  type ManagedProcess,
  type ProcessPlace,
  spawnProcess,
} from "./managed_process.ts";
import { pause } from "./pause.ts";
import { requireFreePort } from "./port_check.ts";
import { prepareService } from "./preparation.ts";
import { withoutFigure } from "./progress_text.ts";
import { restartDelay } from "./restart_delay.ts";
import { isSameProcess, readRunFile } from "./run_file.ts";
import type { ServiceDefinition, StartStep } from "./service_definition.ts";
import { endOfLog, readReason } from "./service_log.ts";
import type { ServiceState, ServiceStatus } from "./service_status.ts";
import { settingsFingerprint } from "./settings_fingerprint.ts";
import type { SupervisionTimes } from "./supervision_times.ts";
import { watchProcess } from "./watch_process.ts";

/** What one service needs to know of the others and of its place. */
export interface Surroundings {
  readonly place: ProcessPlace;
  readonly times: SupervisionTimes;
  readonly log: Log;
  /** The definition as it stands now; asked before each start. */
  readonly readDefinition: () => Promise<ServiceDefinition>;
  /** The dependencies that are not ready, in words; `undefined` when all are. */
  readonly describeMissing: (definition: ServiceDefinition) => string | undefined;
  /** Resolves when any service has changed, or with the signal. */
  readonly nextChange: (signal: AbortSignal) => Promise<void>;
  readonly onChange: () => void;
}

/** One process's death, or the start that did not even lead to one. */
interface Death {
  readonly reason: string;
  readonly wasStable: boolean;
}

/** Why a supervision ends when Helm stops: the process is left running. */
const detached = Symbol("detached");

/** Keeps one service running from `start` to `stop`, through any number of processes. */
export class SupervisedService {
  #definition: ServiceDefinition;
  readonly #around: Surroundings;
  #state: ServiceState = "stopped";
  #reason: string | undefined;
  #activity: string | undefined;
  #restarts = 0;
  #process: ManagedProcess | undefined;
  /** Where this process's lines begin in the log. */
  #logStart = 0;
  #isWanted = false;
  #supervision: { readonly control: AbortController; readonly done: Promise<void> } | undefined;

  constructor(definition: ServiceDefinition, around: Surroundings) {
    this.#definition = definition;
    this.#around = around;
  }

  get definition(): ServiceDefinition {
    return this.#definition;
  }

  /** Takes up a changed definition at the next start; until then it is only shown. */
  set definition(definition: ServiceDefinition) {
    this.#definition = definition;
  }

  get isActive(): boolean {
    return this.#supervision !== undefined;
  }

  /** Whether its process was started with other settings than those of this definition. */
  isOutdated(definition: ServiceDefinition): boolean {
    const settings = this.#process?.settings;
    return settings !== undefined && settings !== settingsFingerprint(definition);
  }

  get status(): ServiceStatus {
    const { name, port, dependencies } = this.#definition;
    const started = this.#process?.startedAt;
    return {
      name,
      state: this.#state,
      restarts: this.#restarts,
      dependencies,
      ...(port === undefined ? {} : { port }),
      ...(this.#reason === undefined ? {} : { reason: this.#reason }),
      ...(this.#activity === undefined ? {} : { activity: this.#activity }),
      ...(this.#process === undefined ? {} : { pid: this.#process.pid }),
      ...(started === undefined
        ? {}
        : {
            startedAt: started.toISOString(),
            uptimeSeconds: this.#process?.ageSeconds ?? 0,
          }),
    };
  }

  /** Begins to keep it running, if need be after a stop that is under way. */
  start(adopted?: ManagedProcess): void {
    this.#isWanted = true;
    if (this.#supervision === undefined) this.#begin(adopted);
  }

  /**
   * Has its process replace those that it keeps, without a gap.
   *
   * @returns false when it has to be stopped and started instead
   * @throws {Error} with the reason, when the new ones do not get ready: the others serve on
   */
  async replaceKept(): Promise<boolean> {
    const [managed, control] = [this.#process, this.#supervision?.control];
    const definition = await this.#around.readDefinition();
    const { kept } = definition;
    if (kept === undefined || this.#definition.kept?.address !== kept.address) return false;
    if (managed === undefined || control === undefined || control.signal.aborted) {
      throw endedMeanwhile();
    }
    const log = this.#around.place.logFile;
    const keeper = { file: kept.file, pid: managed.pid, log };
    const signal = AbortSignal.any([managed.gone, control.signal]);
    if (!(await replaceKeptProcesses(keeper, signal))) return false;
    await managed.noteSettings(settingsFingerprint(definition));
    this.#definition = definition;
    return true;
  }

  /** Ends it; resolves when its processes are gone. */
  async stop(): Promise<void> {
    this.#isWanted = false;
    if (this.#supervision === undefined) return;
    this.#set("stopping");
    this.#supervision.control.abort();
    await this.#supervision.done;
  }

  /** Ends the supervision and leaves the process running. */
  detach(): void {
    this.#isWanted = false;
    this.#supervision?.control.abort(detached);
  }

  #begin(adopted?: ManagedProcess): void {
    const control = new AbortController();
    this.#restarts = 0;
    this.#process = adopted;
    this.#set("starting");
    const done = this.#supervise(adopted, control.signal).finally(() => {
      this.#supervision = undefined;
      this.#process = undefined;
      if (control.signal.reason === detached) return;
      this.#set("stopped");
      if (this.#isWanted) this.#begin();
    });
    // Whoever called stop is told; without anybody waiting it is at least noted.
    done.catch((error: Error) => this.#around.log.error(error.message));
    this.#supervision = { control, done };
  }

  async #supervise(adopted: ManagedProcess | undefined, signal: AbortSignal): Promise<void> {
    const { times, log } = this.#around;
    let deathsInARow = 0;
    for (let first = adopted; ; first = undefined) {
      const death = await this.#live(first, signal);
      if (signal.aborted) return;
      deathsInARow = death.wasStable ? 0 : deathsInARow + 1;
      const delayMs = restartDelay(deathsInARow, times);
      this.#process = undefined;
      this.#set(
        deathsInARow >= times.deathsUntilCrashLooping ? "crash-looping" : "starting",
        death.reason,
      );
      log.warn(`${this.#definition.name} died: ${death.reason}`, { deathsInARow, delayMs });
      await pause(delayMs, signal);
      if (signal.aborted) return;
      this.#restarts++;
    }
  }

  /** One process from before its start to after its end. */
  async #live(adopted: ManagedProcess | undefined, signal: AbortSignal): Promise<Death> {
    const { times, log } = this.#around;
    const report = (state: ServiceState, reason?: string) => {
      // One more try of a crash loop is no news until it is ready; the reason stays in sight.
      const isOneMoreTry = this.#state === "crash-looping" && state === "starting";
      if (signal.aborted || isOneMoreTry) return;
      if (state === "ready" && this.#state !== "ready")
        log.info(`${this.#definition.name} is ready`);
      this.#set(state, reason);
    };
    let managed = adopted;
    try {
      managed ??= await this.#launch(report, signal);
      if (managed === undefined) return { reason: "stopped", wasStable: false };
      this.#process = managed;
      this.#around.onChange();
      const { isReady, settle, startLimitMs = times.startLimitMs } = this.#definition;
      const life = await watchProcess(managed, {
        isReady,
        ...(settle !== undefined && {
          settle: (over: AbortSignal) => settle(this.#step(report, over)),
        }),
        times: { ...times, startLimitMs },
        signal,
        isExcused: () => this.#around.describeMissing(this.#definition) !== undefined,
        report,
      });
      const wasStable = life.becameReady && managed.ageSeconds * 1000 >= times.stableAfterMs;
      return { reason: life.fault ?? (await this.#describeEnd(managed)), wasStable };
    } catch (error) {
      return { reason: (error as Error).message, wasStable: false };
    } finally {
      if (signal.reason === detached) managed?.release();
      else await managed?.end(this.#definition.stopSignal ?? "SIGTERM", times.stopGraceMs);
    }
  }

  /** @returns `undefined` when it is stopped meanwhile */
  async #launch(
    report: (state: ServiceState, reason?: string) => void,
    signal: AbortSignal,
  ): Promise<ManagedProcess | undefined> {
    const { place, times, readDefinition, describeMissing, nextChange } = this.#around;
    const definition = await readDefinition();
    this.#definition = definition;
    for (;;) {
      if (signal.aborted) return undefined;
      const missing = describeMissing(definition);
      if (missing === undefined) break;
      this.#set("starting", missing);
      await nextChange(signal);
    }
    report("starting");
    await prepareService(definition, this.#step(report, signal), times);
    if (signal.aborted) return undefined;
    // Whatever runs already is kept, not doubled, also when nobody called adopt().
    const record = await readRunFile(place.runDir, place.name);
    if (record !== undefined && (await isSameProcess(record))) {
      return adoptProcess(record, place, times.adoptedPollMs);
    }
    const { port, otherPorts = [] } = definition;
    const ports = port === undefined ? otherPorts : [port, ...otherPorts];
    for (const each of ports) await requireFreePort(definition.name, each);
    if (signal.aborted) return undefined;
    this.#logStart = await endOfLog(place.logFile);
    return spawnProcess(definition, place);
  }

  /** What a step of the start is given; what it tells is shown, and each new part of it logged. */
  #step(report: (state: ServiceState, reason?: string) => void, signal: AbortSignal): StartStep {
    const { log } = this.#around;
    let logged = "";
    const tell = (progress: string) => {
      // The figure is for whoever waits, not for the log.
      const part = withoutFigure(progress);
      if (part !== logged && !signal.aborted) log.info(`${this.#definition.name}: ${part}`);
      logged = part;
      report("starting", progress);
      if (this.#reason === progress) this.#activity = progress;
    };
    return { tell, signal, log };
  }

  async #describeEnd(managed: ManagedProcess): Promise<string> {
    const line = await readReason(this.#around.place.logFile, this.#logStart);
    return line === undefined ? managed.ending : `${managed.ending}, last log line: ${line}`;
  }

  #set(state: ServiceState, reason?: string): void {
    if (state === this.#state && reason === this.#reason) return;
    this.#state = state;
    this.#reason = reason;
    this.#activity = undefined;
    this.#around.onChange();
  }
}
