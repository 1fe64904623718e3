import { GaplessRestart } from "./gapless_restart.ts";
import type { ManagedProcess } from "./managed_process.ts";
import type { RunRecord } from "./run_file.ts";
import type { ServiceDefinition } from "./service_definition.ts";
import type { ServiceStatus } from "./service_status.ts";
import { SupervisedService, type Surroundings } from "./supervised_service.ts";

/** One service: its process, and while that is restarted the one that stands in for it. */
export class ReplaceableService {
  readonly #main: SupervisedService;
  readonly #gapless: GaplessRestart | undefined;
  readonly #around: Surroundings;
  /** Restarts of the processes that it keeps come one after the other. */
  #replacing: Promise<unknown> = Promise.resolve();
  #failure: string | undefined;

  /** @param announce has everybody go to where the services are now; without it there is no stand-in */
  constructor(
    definition: ServiceDefinition,
    around: Surroundings,
    announce: (() => Promise<void>) | undefined,
  ) {
    const main = new SupervisedService(definition, around);
    this.#main = main;
    this.#around = around;
    if (announce === undefined) return;
    const isExcused = () => around.describeMissing(main.definition) !== undefined;
    this.#gapless = new GaplessRestart({ ...around, main, isExcused, announce });
  }

  get definition(): ServiceDefinition {
    return this.#main.definition;
  }

  set definition(definition: ServiceDefinition) {
    this.#main.definition = definition;
  }

  get isActive(): boolean {
    return this.#main.isActive;
  }

  isOutdated(definition: ServiceDefinition): boolean {
    return this.#main.isOutdated(definition);
  }

  get status(): ServiceStatus {
    const status = this.#main.status;
    const { standIn, failure } = this.#gapless ?? {};
    const reason = status.reason ?? failure ?? this.#failure;
    return {
      ...status,
      ...(reason !== undefined && { reason }),
      ...(standIn !== undefined && { standIn }),
    };
  }

  /** Somebody answers its requests now. */
  get isServed(): boolean {
    return this.#main.status.state === "ready" || this.#gapless?.standIn !== undefined;
  }

  /** Whether it can be restarted without a gap now: only what serves has something to lose. */
  canRestart({ onPort, kept }: ServiceDefinition): boolean {
    const canBe = kept !== undefined || (onPort !== undefined && this.#gapless !== undefined);
    return canBe && this.isServed;
  }

  start(adopted?: ManagedProcess): void {
    this.#failure = undefined;
    this.#main.start(adopted);
  }

  /**
   * Restarts it without a gap, where `canRestart` has said so.
   *
   * @returns false when it turns out that it has to be stopped and started for that
   * @throws {Error} when the new process does not get ready while the old one still serves
   */
  async restart({ kept }: ServiceDefinition): Promise<boolean> {
    if (kept === undefined) {
      await this.#gapless?.restart();
      return true;
    }
    const replaced = this.#replacing.then(() => this.#replaceKept());
    this.#replacing = replaced.catch(() => {});
    return await replaced;
  }

  async #replaceKept(): Promise<boolean> {
    const { name, pid } = this.#main.status;
    const { log, onChange } = this.#around;
    this.#failure = undefined;
    try {
      const isDone = await this.#main.replaceKept();
      if (isDone) log.info(`${name}: the processes that serve were replaced`, { pid });
      return isDone;
    } catch (error) {
      const reason = (error as Error).message;
      this.#failure = `its restart failed: ${reason}`;
      throw new Error(`Cannot restart ${name}: ${reason}`, { cause: error });
    } finally {
      onChange();
    }
  }

  /** Ends it; resolves when its processes are gone. */
  async stop(): Promise<void> {
    await Promise.all([this.#gapless?.end(), this.#main.stop()]);
  }

  /** Takes over a stand-in that a former Helm has left. @returns whether it is wanted here */
  adoptStandIn(record: RunRecord): boolean {
    this.#gapless?.adopt(record, this.#main.definition);
    return this.#gapless !== undefined;
  }

  /** Helm stops, the processes run on. */
  detach(): void {
    this.#gapless?.detach();
    this.#main.detach();
  }
}
