import type { Scope } from "./processes.ts";

/** What every contender gets. */
export interface Bench {
  readonly scope: Scope;
  /** A folder of the benchmark's own. */
  readonly folder: string;
  readonly upstreamUrl: string;
  /** Where the npm peers are installed. */
  readonly peersFolder: string;
  /** How many processes Nexus serves with. */
  readonly processes: string;
  /** Where Nexus leaves a CPU profile when it ends. */
  readonly profileFolder?: string | undefined;
}

/** A gateway that runs. */
export interface Running {
  /** To be followed by /json, /page and the rest. */
  readonly url: string;
  /** Of a person who is signed in. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The gateway's processes; those that they start count too. */
  readonly pids: readonly number[];
  /** Processes beside it that each request needs, counted apart. */
  readonly besidePids?: readonly number[];
}

export interface Contender {
  readonly name: string;
  /** Whether its pages are longer than the upstream's. */
  readonly composes?: true;
  /** @returns the reason as text where something is missing on this machine */
  start(bench: Bench): Promise<Running | string>;
}
