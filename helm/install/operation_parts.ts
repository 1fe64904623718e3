// What every operation on an app works with.
import type { Checkout } from "../config/checkout.ts";
import type { AppRegistry } from "./app_registry.ts";
import { type Journal, removeJournal, writeJournal } from "./journal.ts";

/** Helm's supervision, as an operation sees it. */
export interface AppServices {
  start(app: string): Promise<void>;
  /** Nothing where it does not run, or is not known. */
  stop(app: string): Promise<void>;
  isRunning(app: string): Promise<boolean>;
  /**
   * @param tell hears why it is not ready yet
   * @throws {Error} saying why it does not become ready
   */
  waitUntilReady(app: string, tell?: (reason: string) => void): Promise<void>;
  /** The end of its log, for people. */
  lastLines(app: string): Promise<readonly string[]>;
}

export interface OperationParts {
  readonly checkout: Checkout;
  readonly registry: AppRegistry;
  /** None while Helm does not run: then nothing is started. */
  readonly services?: AppServices;
  /** Whether databases can be dropped now. */
  readonly hasPostgres: boolean;
  /** For whoever watches. */
  readonly say: (line: string) => void;
  readonly signal?: AbortSignal;
  readonly scriptTimeoutMs?: number;
  /** For tests: what happens after a step is in the journal and before it is done. */
  readonly onStep?: (step: string) => Promise<void>;
}

/** The journal of an operation under way. */
export class OperationJournal {
  readonly #parts: OperationParts;
  #journal: Journal;

  constructor(parts: OperationParts, journal: Omit<Journal, "step">) {
    this.#parts = parts;
    this.#journal = { ...journal, step: "begin" };
  }

  get current(): Journal {
    return this.#journal;
  }

  /** Writes down what comes next, before it is done. */
  async step(step: string, changes: Partial<Journal> = {}): Promise<void> {
    this.#parts.signal?.throwIfAborted();
    this.#journal = { ...this.#journal, ...changes, step };
    await writeJournal(this.#parts.checkout, this.#journal);
    await this.#parts.onStep?.(step);
  }

  async remove(): Promise<void> {
    await removeJournal(this.#parts.checkout, this.#journal.app);
  }
}

/** Whoever asked for something that cannot be done hears why; nothing has been changed. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
}

/** The same where somebody's own changes are in the way; who insists puts them aside (`isForced`). */
export class ChangedByHandError extends RefusedError {
  override readonly name = "RefusedError";
}

/** The same where other apps have to be there first. */
export class MissingAppsError extends RefusedError {
  /** In the order in which they can be installed. */
  readonly missing: readonly string[];

  constructor(message: string, missing: readonly string[]) {
    super(message);
    this.missing = missing;
  }
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
