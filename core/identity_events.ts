import type { Log } from "@hivematrix/lib/log";
import type { IdentityEvent } from "./identity_event.ts";
import type { KeycloakAdmin } from "./keycloak_admin.ts";
import { readEvents, requireEvents } from "./keycloak_events.ts";
import { ProviderRefusalError } from "./provider_question.ts";
import type { SessionStore } from "./session_store.ts";

/**
 * How far each question goes back behind the one before. An event has the time of its request and can
 * be read once that is committed; and the provider's clock is known to the second only, and may be
 * corrected.
 */
const overlapMs = 60_000;

/** How often it is asked whether there are events at all. */
const askEveryMs = 60_000;

export interface NewEvents {
  /** The oldest first. */
  readonly events: readonly IdentityEvent[];
  /** There were so many that some were left out. */
  readonly isTruncated: boolean;
  /** Until this is called, the next question brings them again. */
  done(): void;
}

/** The provider's admin events, each once although the questions overlap in time. */
export class IdentityEvents {
  readonly #sessions: SessionStore;
  readonly #admin: KeycloakAdmin;
  readonly #log: Log;
  readonly #seen = new Map<string, IdentityEvent>();
  /** By the provider's clock; `undefined` before the first question, and after a time without. */
  #readUntilMs: number | undefined;
  #refusal: string | undefined;
  #askDueAt = 0;

  constructor(sessions: SessionStore, { admin, log }: { admin: KeycloakAdmin; log: Log }) {
    this.#sessions = sessions;
    this.#admin = admin;
    this.#log = log;
  }

  /** What was read within the last minute at least. */
  get recent(): Iterable<IdentityEvent> {
    return this.#seen.values();
  }

  /**
   * @returns `undefined` where the realm keeps no events or Core may not read them
   * @throws {ProviderRefusalError} when Core may not ask anything at all
   * @throws {ProviderAwayError | HttpError}
   */
  async read(): Promise<NewEvents | undefined> {
    const nowMs = await this.#admin.readClock();
    try {
      if (performance.now() >= this.#askDueAt) await this.#ask();
      return this.#refusal === undefined ? await this.#readNew(nowMs) : undefined;
    } catch (error) {
      if (!(error instanceof ProviderRefusalError)) throw error;
      this.#note(error.message);
      return undefined;
    }
  }

  async #ask(): Promise<void> {
    await requireEvents(this.#admin);
    if (this.#refusal !== undefined) this.#log.info("the identity provider's events are followed");
    this.#refusal = undefined;
    this.#askDueAt = performance.now() + askEveryMs;
  }

  async #readNew(nowMs: number): Promise<NewEvents> {
    this.#readUntilMs ??= await this.#findBeginning(nowMs);
    const fromMs = Math.floor(Math.min(this.#readUntilMs, nowMs)) - overlapMs;
    const { events, isTruncated } = await readEvents(this.#admin, Math.max(0, fromMs), (id) =>
      this.#seen.has(id),
    );
    return { events, isTruncated, done: () => this.#keep(events, nowMs) };
  }

  /** What happened while no Core was here matters for the sessions that were there by then. */
  async #findBeginning(nowMs: number): Promise<number> {
    const aheadMs = nowMs - Date.now();
    const held = await this.#sessions.listHeld();
    const begins = held.map(({ createdAtSeconds }) => createdAtSeconds * 1000 + aheadMs);
    return begins.reduce((first, begin) => Math.min(first, begin), nowMs);
  }

  #keep(events: readonly IdentityEvent[], nowMs: number): void {
    for (const event of events) this.#seen.set(event.id, event);
    this.#readUntilMs = nowMs;
    for (const [id, { atMs }] of this.#seen) {
      // Not at the window's very edge: the clock may have been set back by some seconds.
      if (atMs < nowMs - 2 * overlapMs) this.#seen.delete(id);
    }
  }

  #note(refusal: string): void {
    this.#askDueAt = performance.now() + askEveryMs;
    this.#readUntilMs = undefined;
    if (this.#refusal !== refusal) {
      this.#log.warn(
        "changes at the identity provider are found by looking at everybody in turn, which may take longer with many people: its admin events cannot be read",
        { reason: refusal },
      );
    }
    this.#refusal = refusal;
  }
}
