import type { Log } from "@hivematrix/lib/log";
import type { ServiceDefinition } from "./service_definition.ts";
import type { ServiceStatus } from "./service_status.ts";

export interface ServiceManagerOptions {
  /** Read again at each start, so that new apps and changed settings are taken up. */
  readonly definitions: () => Promise<readonly ServiceDefinition[]>;
  readonly runDir: string;
  readonly logDir: string;
  readonly log: Log;
}

/** Keeps services running: starts them in dependency order, restarts what dies, stops them in reverse. */
export class ServiceManager {
  constructor(readonly options: ServiceManagerOptions) {}

  /** Takes over what a former Helm left running. @returns the names of the services taken over */
  async adopt(): Promise<string[]> {
    throw new Error("Not written yet");
  }

  /** Begins to start every service that is not running; readiness is `waitUntilReady`. */
  async startAll(): Promise<void> {
    throw new Error("Not written yet");
  }

  /** Begins to start a service and what it depends on. */
  async start(name: string): Promise<void> {
    throw new Error(`Not written yet ${name}`);
  }

  /** Stops one service and waits until its processes are gone; its dependents keep running. */
  async stop(name: string): Promise<void> {
    throw new Error(`Not written yet ${name}`);
  }

  async restart(name: string): Promise<void> {
    throw new Error(`Not written yet ${name}`);
  }

  /** Stops everything, dependents before what they depend on. */
  async stopAll(): Promise<void> {
    throw new Error("Not written yet");
  }

  async status(): Promise<ServiceStatus[]> {
    throw new Error("Not written yet");
  }

  /** @throws {Error} naming each service that is not ready, and why */
  async waitUntilReady(names?: readonly string[], timeoutMs = 60_000): Promise<void> {
    throw new Error(`Not written yet ${names} ${timeoutMs}`);
  }

  /** Calls `listener` at each change of state, process or reason. @returns a function that ends that */
  onChange(listener: (status: ServiceStatus) => void): () => void {
    throw new Error(`Not written yet ${listener}`);
  }

  /** Helm stops, services keep running. */
  close(): void {
    throw new Error("Not written yet");
  }
}
