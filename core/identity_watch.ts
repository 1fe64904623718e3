import type { Log } from "@hivematrix/lib/log";
import type { Core } from "./core.ts";
import { type IdentityChange, readChange, type SignOut } from "./identity_event.ts";
import { IdentityEvents } from "./identity_events.ts";
import { IdentityLook } from "./identity_look.ts";
import type { KeycloakAdmin } from "./keycloak_admin.ts";
import { questionsAtOnce } from "./provider_question.ts";
import { RetriedTasks } from "./retried_tasks.ts";

export interface IdentityWatchOptions {
  readonly admin: KeycloakAdmin;
  readonly log: Log;
  readonly periodMs: number;
  /** How often everybody is looked at. */
  readonly lookEveryMs: number;
}

/**
 * How many people are looked at in a second, with three questions each, so that Keycloak has no more
 * than some hundredths of a processor to spend on it. Without events this is what limits how soon a
 * change is noticed, so it may cost more.
 */
const peoplePerSecond = { withEvents: 10, withoutEvents: 25 };

/** Keycloak may be slow; the next round goes on with what is left. */
const maxRunMs = 5000;

/** One round after the other: what has happened at the provider, and who everybody is there now. */
export class IdentityWatch {
  readonly #sessions: Core["sessions"];
  readonly #options: IdentityWatchOptions;
  readonly #look: IdentityLook;
  readonly #events: IdentityEvents;
  /** What events ask for. */
  readonly #urgent = new RetriedTasks(questionsAtOnce);
  /** The part of the look at everybody that is under way. */
  readonly #routine = new RetriedTasks(questionsAtOnce);
  /** Whom that look has still to come to. */
  #waiting: string[] = [];
  #lookDueAt = 0;
  #hasFailed = false;

  constructor(core: Pick<Core, "sessions" | "endSessions">, options: IdentityWatchOptions) {
    this.#sessions = core.sessions;
    this.#options = options;
    this.#look = new IdentityLook({ ...core, ...options });
    this.#events = new IdentityEvents(core.sessions, options);
  }

  /** @throws {ProviderRefusalError | ProviderAwayError | HttpError} to try again later */
  async takeRound(): Promise<void> {
    if (this.#waiting.length === 0 && performance.now() >= this.#lookDueAt) await this.#beginLook();
    const hasEvents = await this.#followEvents();
    const { periodMs } = this.#options;
    const pace = hasEvents ? peoplePerSecond.withEvents : peoplePerSecond.withoutEvents;
    const people = this.#waiting.splice(0, Math.ceil((pace * periodMs) / 1000));
    for (const sub of people) this.#routine.add(sub, () => this.#lookAt(sub));
    const urgentFailure = await this.#urgent.run(maxRunMs);
    const routineFailure = await this.#routine.run(periodMs);
    if (!hasEvents) this.lookSoon();
    this.#judge(urgentFailure ?? routineFailure, hasEvents);
  }

  /** Everybody is to be looked at again, as soon as the look that is under way is done. */
  lookSoon(): void {
    this.#lookDueAt = 0;
  }

  async #beginLook(): Promise<void> {
    this.#lookDueAt = performance.now() + this.#options.lookEveryMs;
    this.#waiting = await this.#listPeople();
  }

  async #listPeople(): Promise<string[]> {
    return [...new Set((await this.#sessions.listHeld()).map(({ sub }) => sub))];
  }

  /** @returns whether there are any to follow */
  async #followEvents(): Promise<boolean> {
    const found = await this.#events.read();
    if (found === undefined) return false;
    this.#standBy();
    for (const event of found.events) await this.#plan(readChange(event), event.id);
    if (found.isTruncated) this.lookSoon();
    found.done();
    return true;
  }

  async #plan(change: IdentityChange | undefined, id: string): Promise<void> {
    if (change === undefined) return;
    if (change.kind === "session_end") {
      this.#urgent.add(id, () => this.#look.endBySid(change.sid));
    } else if (change.kind === "sign_out") this.#planSignOut(change, id);
    else if (change.kind === "sign_out_all") {
      const cause = "signed_out";
      for (const sub of await this.#listPeople()) this.#planSignOut({ ...change, sub, cause }, id);
    } else {
      if (change.kind === "update") this.#planUpdate(change.sub, change.atMs, id);
      const people = change.sub === undefined ? await this.#listPeople() : [change.sub];
      for (const sub of people) {
        this.#look.forget(sub);
        this.#urgent.add(`look ${sub}`, () => this.#lookAt(sub));
      }
    }
  }

  #planSignOut(signOut: SignOut, id: string): void {
    this.#urgent.add(`${id} ${signOut.sub}`, () => this.#look.signOut(signOut));
  }

  #planUpdate(sub: string, atMs: number, id: string): void {
    this.#urgent.add(id, async () => {
      const held = await this.#sessions.listHeld([sub]);
      if (held.length > 0) await this.#look.followUpdate(sub, atMs);
    });
  }

  /**
   * A sign-in with the old password, or with a session that was ended, may have been under way: its
   * session here begins after the event. (When the person has changed, token_exchange.ts notices.)
   */
  #standBy(): void {
    for (const event of this.#events.recent) {
      const change = readChange(event);
      if (change?.kind === "logout") {
        this.#urgent.add(`look ${change.sub}`, () => this.#lookAt(change.sub));
      } else if (change?.kind === "sign_out") {
        const again = () => this.#look.signOut(change, { isRepeated: true });
        this.#urgent.add(`again ${event.id}`, again);
      }
    }
  }

  async #lookAt(sub: string): Promise<void> {
    const held = await this.#sessions.listHeld([sub]);
    if (held.length > 0) await this.#look.lookAt(sub, held);
  }

  /** Where events were read the provider is there, and only an answer about somebody is not. */
  #judge(failure: unknown, hasEvents: boolean): void {
    if (failure !== undefined && !hasEvents) throw failure;
    const { log } = this.#options;
    if (failure !== undefined && !this.#hasFailed) {
      log.warn("somebody cannot be compared with the provider, tried again", { error: failure });
    }
    this.#hasFailed = failure !== undefined;
  }
}
