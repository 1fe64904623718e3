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

  /** @param announce has everybody go to where the services are now; without it there is no stand-in */
  constructor(
    definition: ServiceDefinition,
    around: Surroundings,
    announce: (() => Promise<void>) | undefined,
  ) {
    const main = new SupervisedService(definition, around);
    this.#main = main;
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
    const reason = status.reason ?? failure;
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
  canRestart({ onPort }: ServiceDefinition): boolean {
    return onPort !== undefined && this.#gapless !== undefined && this.isServed;
  }

  start(adopted?: ManagedProcess): void {
    this.#main.start(adopted);
  }

  /** @throws {Error} when the new process does not get ready while the old one still serves */
  async restart(): Promise<void> {
    await this.#gapless?.restart();
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
