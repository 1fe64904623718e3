import type { Log } from "@hivematrix/lib/log";
import type { SignOut } from "./identity_event.ts";
import type { KeycloakAdmin } from "./keycloak_admin.ts";
import {
  type Person,
  type PersonSession,
  readPasswordTime,
  readPerson,
  readSessions,
} from "./keycloak_people.ts";
import { areSameGroups } from "./permission_level.ts";
import type { EndSessions } from "./session_ending.ts";
import type { HeldSession, SessionSelector, SessionStore } from "./session_store.ts";

/** For the difference of two machines' clocks. */
const clockLeewayMs = 5000;

/** An update's event follows the change itself so soon. */
const updateMs = 2000;

export interface IdentityLookOptions {
  readonly admin: KeycloakAdmin;
  readonly sessions: SessionStore;
  readonly endSessions: EndSessions;
  readonly log: Log;
}

/**
 * Compares people's sessions here with who they are at the provider, and ends those that do not fit.
 * Each comparison reads the sessions first, so that what ends is never newer than what it is held
 * against.
 */
export class IdentityLook {
  readonly #options: IdentityLookOptions;
  /** What sessions were ended for, by the person's id, as long as it stays true. */
  readonly #findings = new Map<string, string>();
  readonly #warned = new Set<string>();

  constructor(options: IdentityLookOptions) {
    this.#options = options;
  }

  /** Something has happened to this person: what was found before is no reason for doubt any more. */
  forget(sub: string): void {
    this.#findings.delete(sub);
  }

  /** @param held the person's live sessions, read just now */
  async lookAt(sub: string, held: readonly HeldSession[]): Promise<void> {
    const { admin } = this.#options;
    const person = await readPerson(admin, sub);
    if (person === undefined) return await this.#endAll(sub, "deleted");
    if (!person.isEnabled) return await this.#endAll(sub, "disabled");
    const nowMs = await admin.readClock();
    const over = held.filter((session) => isOverThere(session, person.sessions, nowMs));
    // Keycloak 26 can bring a session back that is used while it ends, out of its list: once more.
    for (const { hash } of over) await this.#end({ hash }, "session_end", false);
    const others = held.filter((session) => !over.includes(session));
    await this.#compareGroups(sub, person, others);
  }

  /**
   * Ends what a person has begun before some moment, by the provider's clock.
   *
   * @param isRepeated it was done before: only what has come since then is meant
   */
  async signOut(
    { sub, beforeMs, cause }: SignOut,
    { isRepeated = false }: { isRepeated?: boolean } = {},
  ): Promise<void> {
    const { admin, sessions } = this.#options;
    const held = await sessions.listHeld([sub]);
    if (isRepeated && held.length === 0) return;
    const there = (await readSessions(admin, sub)) ?? [];
    const nowMs = await admin.readClock();
    const isMeant = (session: HeldSession) =>
      isOverThere(session, there, nowMs) || !beganAfter(session, there, beforeMs, nowMs);
    const except = held.filter((session) => !isMeant(session)).map(({ hash }) => hash);
    if (isRepeated && except.length === held.length) return;
    // By the person, not one by one: those that are past their time here can live on there.
    await this.#end({ sub, except }, cause, cause === "signed_out" && !isRepeated);
  }

  /** An update of a person can set a password too; its event does not say so, its time does. */
  async followUpdate(sub: string, atMs: number): Promise<void> {
    const setAtMs = await readPasswordTime(this.#options.admin, sub);
    if (setAtMs === undefined || Math.abs(atMs - setAtMs) > updateMs) return;
    await this.signOut({ sub, beforeMs: setAtMs, cause: "new_password" });
  }

  /** The provider has ended the session. */
  async endBySid(sid: string): Promise<void> {
    await this.#end({ sid }, "session_end", true);
  }

  async #end(which: SessionSelector, reason: Reason, keepProviderSession: boolean): Promise<void> {
    const { endSessions, log } = this.#options;
    await endSessions(which, { reason: reasons[reason], log, keepProviderSession });
  }

  async #endAll(sub: string, finding: "deleted" | "disabled"): Promise<void> {
    // Nobody who is not there can sign in again: these subjects are not the provider's own ids.
    if (finding === "deleted" && this.#findings.get(sub) === finding) {
      this.#warn(finding, sub);
      return;
    }
    await this.#end({ sub }, finding, finding === "deleted");
    this.#findings.set(sub, finding);
  }

  /** The browser signs in anew by itself, the provider's session being alive, with the new groups. */
  async #compareGroups(sub: string, person: Person, held: readonly HeldSession[]): Promise<void> {
    const known = this.#findings.get(sub);
    let finding: string | undefined;
    for (const { hash, groups } of held) {
      if (isInGroups(person, groups)) continue;
      finding = JSON.stringify([person.groupNames[0]?.toSorted(), [...groups].sort()]);
      // The sign-in has brought the same again: the claim is made of something else than groups.
      if (finding === known) this.#warn("groups", sub);
      else await this.#end({ hash }, "groups", true);
    }
    if (finding === undefined) this.#findings.delete(sub);
    else this.#findings.set(sub, finding);
  }

  #warn(what: "deleted" | "groups", sub: string): void {
    if (this.#warned.has(what)) return;
    this.#warned.add(what);
    this.#options.log.warn(doubts[what], { sub });
  }
}

type Reason = keyof typeof reasons;

const reasons = {
  deleted: "deleted at the identity provider",
  disabled: "disabled at the identity provider",
  groups: "moved to other groups at the identity provider",
  session_end: "ended at the identity provider",
  signed_out: "signed out at the identity provider",
  new_password: "a new password was set at the identity provider",
};

const doubts = {
  deleted:
    "the identity provider knows nobody by a subject that it signs in: its client must not have pairwise subject identifiers; deleted people keep their sessions until then",
  groups:
    "the groups claim is not made of a person's groups at the identity provider: changes of groups are not noticed before the next sign-in",
};

/**
 * Whether somebody has ended the provider's session. One that is gone although its time is not up
 * was ended; afterwards it may have been idle for too long, which takes nothing from ours.
 */
function isOverThere(
  { provider: { sid, untilSeconds } }: HeldSession,
  there: readonly PersonSession[],
  nowMs: number,
): boolean {
  if (sid === undefined || untilSeconds === undefined) return false;
  const isDue = nowMs >= untilSeconds * 1000 - clockLeewayMs;
  return !isDue && !there.some((session) => session.sid === sid);
}

function isInGroups({ groupNames }: Person, groups: readonly string[]): boolean {
  return groupNames.some((names) => areSameGroups(names, groups));
}

function beganAfter(
  { provider, createdAtSeconds }: HeldSession,
  there: readonly PersonSession[],
  momentMs: number,
  nowMs: number,
): boolean {
  const session = there.find(({ sid }) => sid === provider.sid);
  // Cut to the second, so one of the same second counts as before.
  if (session !== undefined) return session.startedAtMs > momentMs;
  const createdAtMs = createdAtSeconds * 1000 + nowMs - Date.now();
  return createdAtMs > momentMs + clockLeewayMs;
}
