import type { Log } from "@hivematrix/lib/log";
import type { KeptProcesses } from "./kept_processes.ts";

/** A program and its arguments. */
export type Command = readonly [string, ...string[]];

/** What a step before or after a service's start is given. */
export interface StartStep {
  /** Says what is going on, for whoever waits; becomes the reason shown while the service starts. */
  readonly tell: (progress: string) => void;
  /** Aborted when the service is stopped, or its process is gone. */
  readonly signal: AbortSignal;
  /** Helm's own. */
  readonly log: Log;
}

/** What it takes to run one service: who it is, how it is started, how to tell that it is ready. */
export interface ServiceDefinition {
  /** Also the name of its log and run file, so nothing but `[a-z0-9_-]`. */
  readonly name: string;
  /** Absolute; the process's working directory. */
  readonly folder: string;
  /** A function where only the preparation decides it: it is then asked after `prepare`. */
  readonly command: Command | (() => Promise<Command>);
  /** The whole environment, apart from PATH, HOME, LANG, TZ and TMPDIR, which are passed on. */
  readonly env: Readonly<Record<string, string>>;
  /** A digest of the settings that it reads by itself when it starts, from a file of its own. */
  readonly settingsDigest?: string;
  /** Services that have to be ready first. A name without a definition is taken as provided elsewhere. */
  readonly dependencies: readonly string[];
  readonly port?: number;
  /** Others that it listens on; each has to be free before a start. */
  readonly otherPorts?: readonly number[];
  /** Whether it does its work now; what it throws becomes the reason shown for "not ready". */
  readonly isReady: (signal: AbortSignal) => Promise<boolean>;
  /** Runs before each start, when the dependencies are ready (initdb, make role and database). */
  readonly prepare?: (step: StartStep) => Promise<void>;
  /**
   * Runs once for each process, an adopted one too, when `isReady` has said yes and before the service
   * counts as ready (what has to be set up through the service itself). When it throws, the process
   * is ended and started again.
   */
  readonly settle?: (step: StartStep) => Promise<void>;
  /** Of a service that takes longer to start than others; else that of the supervision. */
  readonly startLimitMs?: number;
  /**
   * The same service on another port, of one that may run twice at a time (its state is elsewhere, in
   * PostgreSQL). It is then restarted without a gap.
   */
  readonly onPort?: (port: number) => ServiceDefinition;
  /** Of a service whose process keeps others that serve: these are replaced one by one at a restart. */
  readonly kept?: KeptProcesses;
  /** Asks for a clean end; SIGTERM unless said otherwise. */
  readonly stopSignal?: NodeJS.Signals;
  /** Runs as that user; only heeded when Helm itself is root. */
  readonly user?: { readonly uid: number; readonly gid: number };
}
