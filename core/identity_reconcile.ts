// Keycloak tells nobody that it has disabled, deleted or moved somebody, so Core asks: every few
// seconds what has happened, and every minute who everybody is.
import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "@hivematrix/lib/log";
import type { Core } from "./core.ts";
import { IdentityWatch } from "./identity_watch.ts";
import { createKeycloakAdmin, type KeycloakAdmin } from "./keycloak_admin.ts";
import { ProviderRefusalError } from "./provider_question.ts";

type ReconciledCore = Pick<Core, "sessions" | "endSessions" | "keycloak">;

export interface IdentityReconcileOptions {
  readonly log: Log;
  /** How often Core asks what has happened. */
  readonly periodMs: number;
  /** How often Core looks at everybody. Default a minute. */
  readonly lookEveryMs?: number;
  /** How long a provider is left alone that does not let Core ask. Default a minute. */
  readonly refusalPauseMs?: number;
  /** How long the provider may take for an answer. Default 5 s. */
  readonly timeoutMs?: number;
}

/** @param reconcileSeconds `undefined` where the provider tells of every change by itself */
export function startIdentityReconcile(
  core: ReconciledCore,
  { log, reconcileSeconds }: { log: Log; reconcileSeconds: number | undefined },
): { close(): Promise<void> | void } {
  if (reconcileSeconds === undefined) return { close() {} };
  return new IdentityReconcile(core, { log, periodMs: reconcileSeconds * 1000 });
}

const firstPauseMs = 500;
const longestPauseMs = 5000;

/** So many failures in a row are an outage, after which everybody is looked at. */
const outageFailures = 3;

/** Takes one round after the other and bears with a provider, or a store, that is away. */
export class IdentityReconcile {
  readonly #options: IdentityReconcileOptions;
  readonly #admin: KeycloakAdmin;
  readonly #watch: IdentityWatch;
  readonly #closing = new AbortController();
  readonly #done: Promise<void>;
  #failures = 0;
  /** What was said of the trouble that lasts. */
  #said: string | undefined;

  constructor(core: ReconciledCore, options: IdentityReconcileOptions) {
    this.#options = options;
    const { lookEveryMs = 60_000, timeoutMs = 5000 } = options;
    this.#admin = createKeycloakAdmin(core.keycloak, { timeoutMs });
    this.#watch = new IdentityWatch(core, { ...options, lookEveryMs, admin: this.#admin });
    this.#done = this.#run();
  }

  /** Resolves when nothing is under way any more. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#admin.close();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const pauseMs = await this.#takeRound();
      await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  /** @returns the pause until the next one */
  async #takeRound(): Promise<number> {
    const startedAt = performance.now();
    try {
      await this.#watch.takeRound();
    } catch (error) {
      return this.#closing.signal.aborted ? 0 : this.#fail(error);
    }
    this.#recover();
    const { periodMs } = this.#options;
    // A provider that is slow is not to be asked without a pause.
    return Math.max(periodMs / 4, periodMs - (performance.now() - startedAt));
  }

  #fail(error: unknown): number {
    const { log, refusalPauseMs = 60_000 } = this.#options;
    const pauseMs = Math.min(firstPauseMs * 2 ** this.#failures, longestPauseMs);
    this.#failures++;
    const isRefusal = error instanceof ProviderRefusalError;
    const what = isRefusal ? error.message : "away";
    if (this.#said !== what) {
      if (isRefusal) log.error(`${unnoticed}: ${error.message}`);
      else log.warn(`${unnoticed} at the moment, tried again`, { error });
    }
    this.#said = what;
    return isRefusal ? refusalPauseMs : pauseMs;
  }

  #recover(): void {
    if (this.#failures >= outageFailures) this.#watch.lookSoon();
    if (this.#said !== undefined) {
      this.#options.log.info("changes of people at the identity provider are noticed again");
    }
    this.#failures = 0;
    this.#said = undefined;
  }
}

const unnoticed = "changes of people at the identity provider are not noticed";
