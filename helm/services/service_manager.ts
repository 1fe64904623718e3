import { EventEmitter, once } from "node:events";
import path from "node:path";
import type { Log } from "@hivematrix/lib/log";
import { didYouMean } from "../control/near_names.ts";
import { eachAfterDependencies, orderByDependency, withDependencies } from "./dependency_order.ts";
import { endLeftovers } from "./leftovers.ts";
import { LogRotation } from "./log_rotation.ts";
import { adoptProcess, type ProcessPlace } from "./managed_process.ts";
import { UsageMeter } from "./process_usage.ts";
import { describeUnready, isHopeful } from "./readiness_report.ts";
import { ReplaceableService } from "./replaceable_service.ts";
import { isSameProcess, listRunFiles, readRunFile, removeRunFile } from "./run_file.ts";
import type { ServiceDefinition } from "./service_definition.ts";
import type { ServiceStatus } from "./service_status.ts";
import { standInsDir } from "./stand_in.ts";
import { defaultTimes, type SupervisionTimes } from "./supervision_times.ts";

export interface ServiceManagerOptions {
  /** Read again at each start, so that new apps and changed settings are taken up. */
  readonly definitions: () => Promise<readonly ServiceDefinition[]>;
  /** Where the run files are: what runs, for the next Helm. */
  readonly runDir: string;
  readonly logDir: string;
  readonly log: Log;
  /** A `<logDir>/*.log` that grows beyond this is moved to `.1`. Default 10 MB. */
  readonly maxLogBytes?: number;
  readonly times?: Partial<SupervisionTimes>;
  /**
   * Has everybody go to where the services are now, stand-ins included (`readStandInPorts`). Without
   * it no service is restarted without a gap.
   */
  readonly announce?: () => Promise<void>;
}

/** Building a Keycloak shows no change for a minute, or two where much else goes on. */
const defaultPatienceMs = 180_000;

/**
 * Keeps services running: starts each as soon as what it needs is ready, restarts what dies, stops
 * in reverse order. Services are processes of their own that outlive this object.
 */
export class ServiceManager {
  readonly #options: ServiceManagerOptions;
  readonly #times: SupervisionTimes;
  readonly #services = new Map<string, ReplaceableService>();
  #definitions: readonly ServiceDefinition[] = [];
  readonly #changes = new EventEmitter().setMaxListeners(0);
  readonly #meter = new UsageMeter();
  readonly #rotation: LogRotation;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: ServiceManagerOptions) {
    this.#options = options;
    this.#times = { ...defaultTimes, ...options.times };
    const { logDir, log, maxLogBytes = 10_000_000 } = options;
    this.#rotation = new LogRotation({ logDir, log, maxBytes: maxLogBytes });
  }

  /**
   * Takes over what a former Helm left running; ends what is left of services that died meanwhile or
   * are defined no more. Call it before anything is started.
   *
   * @returns the names of the services taken over
   */
  async adopt(): Promise<string[]> {
    await this.#refresh();
    const adopted: string[] = [];
    for (const name of await listRunFiles(this.#options.runDir)) {
      if (await this.#adoptOne(name)) adopted.push(name);
    }
    for (const name of await listRunFiles(standInsDir(this.#options.runDir))) {
      await this.#adoptStandIn(name);
    }
    return adopted;
  }

  /** Begins to start every service that is not running; `waitUntilReady` tells when they are. */
  startAll(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#refresh();
      for (const { name } of orderByDependency(this.#definitions)) this.#find(name).start();
    });
  }

  /**
   * Restarts what runs with other settings than those it has now: what can be without a gap is ready
   * when this resolves, the rest begins to start.
   *
   * @returns the names of those services
   * @throws {Error} naming the services that do not start with their new settings; they run on
   */
  async restartOutdated(): Promise<string[]> {
    await this.#refresh();
    const outdated = this.#definitions.filter((definition) => {
      return this.#find(definition.name).isOutdated(definition);
    });
    const names = outdated.map(({ name }) => name);
    const gapless = names.filter((name) => this.#findGapless(name) !== undefined);
    const others = names.filter((name) => !gapless.includes(name));
    await Promise.all(others.map((name) => this.stop(name)));
    await this.#inTurn(async () => {
      for (const name of others) this.#services.get(name)?.start();
    });
    await this.#waitForNeeded(gapless, others);
    const outcomes = await Promise.allSettled(gapless.map((name) => this.restart(name)));
    const failures = outcomes.flatMap((each) => (each.status === "rejected" ? [each.reason] : []));
    if (failures.length > 0) throw new Error(failures.map(({ message }) => message).join("; "));
    return names;
  }

  /** A new process needs what its service depends on, which may be starting anew itself. */
  async #waitForNeeded(names: readonly string[], starting: readonly string[]): Promise<void> {
    const needed = new Set(names.flatMap((name) => withDependencies(name, this.#definitions)));
    const waitedFor = starting.filter((name) => needed.has(name));
    // What does not get ready is said by those that need it.
    if (waitedFor.length > 0) await this.waitUntilReady(waitedFor).catch(() => {});
  }

  /** Begins to start a service and what it depends on. @throws {Error} for an unknown name */
  start(name: string): Promise<void> {
    return this.#inTurn(async () => {
      await this.#refresh();
      this.#find(name);
      for (const other of withDependencies(name, this.#definitions)) this.#find(other).start();
    });
  }

  /** Stops one service and waits until its processes are gone; its dependents keep running. */
  async stop(name: string): Promise<void> {
    const { stopped } = await this.#inTurn(async () => {
      if (!this.#services.has(name)) await this.#refresh();
      return { stopped: this.#find(name).stop() };
    });
    await stopped;
  }

  /**
   * Restarts a service with its definition as it is now. Without a gap where it can be; else it is
   * stopped, and begins to start.
   *
   * @throws {Error} when the new process does not get ready while the old one still serves
   */
  async restart(name: string): Promise<void> {
    const gapless = await this.#inTurn(async () => {
      await this.#refresh();
      return this.#findGapless(name);
    });
    if (gapless !== undefined && (await this.#find(name).restart(gapless))) return;
    await this.stop(name);
    await this.start(name);
  }

  /**
   * Restarts everything, each as soon as what it depends on is ready again: what can be without a gap.
   * What does not run is started.
   *
   * @throws {Error} naming what does not get ready, and why; what depends on that is left as it was
   */
  async restartAll(): Promise<void> {
    await this.#inTurn(() => this.#refresh());
    await eachAfterDependencies(this.#definitions, async (name) => {
      await this.restart(name);
      await this.waitUntilReady([name]);
    });
  }

  /** @returns the newest definition of a service that can be restarted without a gap now */
  #findGapless(name: string): ServiceDefinition | undefined {
    const service = this.#find(name);
    const definition = this.#definitions.find((each) => each.name === name);
    return definition !== undefined && service.canRestart(definition) ? definition : undefined;
  }

  /** Stops everything, dependents before what they depend on. */
  async stopAll(): Promise<void> {
    const { stopped } = await this.#inTurn(async () => ({ stopped: this.#stopInOrder() }));
    await stopped;
  }

  async #stopInOrder(): Promise<void> {
    const services = [...this.#services.values()];
    const stopped = new Map<string, Promise<void>>();
    const order = orderByDependency(services.map((service) => service.definition));
    for (const { name } of order.toReversed()) {
      const dependents = order.filter((other) => other.dependencies.includes(name));
      const before = Promise.allSettled(dependents.map((other) => stopped.get(other.name)));
      stopped.set(
        name,
        before.then(() => this.#services.get(name)?.stop()),
      );
    }
    await Promise.all(stopped.values());
  }

  /** All services with their figures, in the order in which they are defined. */
  async status(): Promise<ServiceStatus[]> {
    await this.#refresh().catch((error: Error) => {
      // What runs is to be seen even while the configuration is broken.
      if (this.#services.size === 0) throw error;
    });
    const statuses = this.#snapshot();
    const running = statuses.flatMap(({ pid, uptimeSeconds = 0 }) =>
      pid === undefined ? [] : [{ pid, uptimeSeconds }],
    );
    const usages = await this.#meter.measure(running);
    return statuses.map((status) => ({ ...status, ...usages.get(status.pid ?? 0) }));
  }

  /**
   * Waits until the named services (default: all) are ready; gives up early when those that are not
   * have failed.
   *
   * @param timeoutMs how long nothing may change: what is seen to go on (a download) takes its time
   * @throws {Error} naming each service that is not ready, and why
   */
  async waitUntilReady(names?: readonly string[], timeoutMs = defaultPatienceMs): Promise<void> {
    await this.#refresh();
    const wanted = names ?? this.#definitions.map((definition) => definition.name);
    for (const name of wanted) this.#find(name);
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(), timeoutMs);
    const endPatience = this.onChange(() => timer.refresh());
    try {
      await this.#untilReady(wanted, timeout.signal);
    } finally {
      endPatience();
      clearTimeout(timer);
    }
  }

  async #untilReady(wanted: readonly string[], timeout: AbortSignal): Promise<void> {
    const needed = new Set(wanted.flatMap((name) => withDependencies(name, this.#definitions)));
    for (;;) {
      const all = this.#snapshot();
      const waitedFor = all.filter((status) => wanted.includes(status.name));
      if (waitedFor.every((status) => status.state === "ready")) return;
      const isStuck = !isHopeful(all.filter((status) => needed.has(status.name)));
      if (timeout.aborted || isStuck) throw new Error(describeUnready(waitedFor));
      await this.#nextChange(timeout);
    }
  }

  /**
   * Calls `listener` at each change of state, process or reason, without memory and load.
   *
   * @returns a function that ends that
   */
  onChange(listener: (status: ServiceStatus) => void): () => void {
    const call = (status: ServiceStatus) => {
      try {
        listener(status);
      } catch (error) {
        // Whoever only watches must not be able to end the supervision.
        this.#options.log.error("a listener to service changes failed", { error });
      }
    };
    this.#changes.on("change", call);
    return () => this.#changes.off("change", call);
  }

  /** Helm stops, services keep running. */
  close(): void {
    for (const service of this.#services.values()) service.detach();
    this.#rotation.close();
  }

  /**
   * Wishes take effect in the order in which they were made, so that of a start and a stop the last
   * one wins, however long the definitions take to read. Only their beginnings wait for each other.
   */
  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(act);
    this.#turn = result.catch(() => {});
    return result;
  }

  /** Reads the definitions anew: makes what is new, forgets what is no more and does not run. */
  async #refresh(): Promise<void> {
    const definitions = await this.#options.definitions();
    orderByDependency(definitions);
    this.#definitions = definitions;
    for (const definition of definitions) {
      const service = this.#services.get(definition.name);
      if (service === undefined) this.#services.set(definition.name, this.#create(definition));
      else if (!service.isActive) service.definition = definition;
    }
    for (const [name, service] of this.#services) {
      const isDefined = definitions.some((definition) => definition.name === name);
      if (!isDefined && !service.isActive) this.#services.delete(name);
    }
  }

  #create(definition: ServiceDefinition): ReplaceableService {
    const { name } = definition;
    const around = {
      place: this.#placeOf(name),
      times: this.#times,
      log: this.#options.log,
      readDefinition: () => this.#readDefinition(name),
      describeMissing: (current: ServiceDefinition) => this.#describeMissing(current),
      nextChange: (signal: AbortSignal) => this.#nextChange(signal),
      onChange: () => this.#changes.emit("change", service.status),
    };
    const service = new ReplaceableService(definition, around, this.#options.announce);
    return service;
  }

  #placeOf(name: string): ProcessPlace {
    if (!/^[a-z0-9_-]+$/.test(name)) {
      throw new Error(`Cannot define service "${name}": a name has only a-z, 0-9, "_" and "-"`);
    }
    const { runDir, logDir } = this.#options;
    return { name, runDir, logFile: path.join(logDir, `${name}.log`) };
  }

  /** The newest definition; while the configuration is broken, the last one that was not. */
  async #readDefinition(name: string): Promise<ServiceDefinition> {
    await this.#refresh().catch((error: Error) => {
      this.#options.log.warn(`${name} starts with its former settings: ${error.message}`);
    });
    return (
      this.#definitions.find((definition) => definition.name === name) ??
      this.#find(name).definition
    );
  }

  #find(name: string): ReplaceableService {
    const service = this.#services.get(name);
    if (service !== undefined) return service;
    const known = [...this.#services.keys()];
    const near = didYouMean(name, known);
    throw new Error(`Cannot find service "${name}", there are: ${known.join(", ")}${near}`);
  }

  #describeMissing({ dependencies }: ServiceDefinition): string | undefined {
    const missing = dependencies.flatMap((name) => {
      const service = this.#services.get(name);
      if (service === undefined || service.isServed) return [];
      const { state } = service.status;
      return [state === "starting" ? name : `${name}, which is ${state}`];
    });
    return missing.length === 0 ? undefined : `waiting for ${missing.join(" and ")}`;
  }

  async #nextChange(signal: AbortSignal): Promise<void> {
    await once(this.#changes, "change", { signal }).catch(() => {}); // Aborted: the caller looks.
  }

  #snapshot(): ServiceStatus[] {
    const defined = this.#definitions.map((definition) => definition.name);
    const names = new Set([...defined, ...this.#services.keys()]);
    return [...names].flatMap((name) => this.#services.get(name)?.status ?? []);
  }

  async #adoptOne(name: string): Promise<boolean> {
    const { runDir, log } = this.#options;
    const record = await readRunFile(runDir, name);
    const service = this.#services.get(name);
    if (record === undefined || !(await isSameProcess(record))) {
      if (record !== undefined) await endLeftovers(record);
      await removeRunFile(runDir, name);
      return false;
    }
    const managed = adoptProcess(record, this.#placeOf(name), this.#times.adoptedPollMs);
    if (service === undefined) {
      log.warn(`${name} is defined no more, ending its process`, { pid: record.pid });
      await managed.end("SIGTERM", this.#times.stopGraceMs);
      return false;
    }
    if (service.isActive) {
      managed.release();
      return false;
    }
    service.start(managed);
    return true;
  }

  /** One that serves goes on until the service is ready again; any other has not come that far. */
  async #adoptStandIn(name: string): Promise<void> {
    const { log } = this.#options;
    const place = { ...this.#placeOf(name), runDir: standInsDir(this.#options.runDir) };
    const record = await readRunFile(place.runDir, name);
    if (record === undefined || !(await isSameProcess(record))) {
      if (record !== undefined) await endLeftovers(record);
      await removeRunFile(place.runDir, name);
      return;
    }
    log.info(`${name}: found a stand-in`, {
      pid: record.pid,
      isServing: record.isServing ?? false,
    });
    if (this.#services.get(name)?.adoptStandIn(record)) return;
    const managed = adoptProcess(record, place, this.#times.adoptedPollMs);
    await managed.end("SIGTERM", this.#times.stopGraceMs);
  }
}
