/** What it takes to run one service: who it is, how it is started, how to tell that it is ready. */
export interface ServiceDefinition {
  /** Also the name of its log and run file, so nothing but `[a-z0-9_-]`. */
  readonly name: string;
  /** Absolute; the process's working directory. */
  readonly folder: string;
  readonly command: readonly [string, ...string[]];
  /** The whole environment, apart from PATH, HOME, LANG, TZ and TMPDIR, which are passed on. */
  readonly env: Readonly<Record<string, string>>;
  /** Services that have to be ready first. A name without a definition is taken as provided elsewhere. */
  readonly dependencies: readonly string[];
  readonly port?: number;
  /** Whether it does its work now; what it throws becomes the reason shown for "not ready". */
  readonly isReady: (signal: AbortSignal) => Promise<boolean>;
  /** Runs before each start, when the dependencies are ready (initdb, make role and database). */
  readonly prepare?: () => Promise<void>;
  /** Asks for a clean end; SIGTERM unless said otherwise. */
  readonly stopSignal?: NodeJS.Signals;
  /** Runs as that user; only heeded when Helm itself is root. */
  readonly user?: { readonly uid: number; readonly gid: number };
}
