import { createHash } from "node:crypto";
import type { Session } from "./session_check.ts";

/** Whether, and since which connection, ends of sessions are heard of. */
export interface Feed {
  readonly isAlive: boolean;
  readonly epoch: number;
}

/** A question to Core that is under way, to be remembered if nothing has happened meanwhile. */
export interface Question {
  /** Core has said that the session lives. @param isUse as of `find` */
  remember(session: Session, options: { isUse: boolean }): void;
}

interface Trusted {
  readonly session: Session;
  /** `exp` on both clocks, so that a jump of one does not lengthen a session. */
  readonly endsAt: { readonly monotonic: number; readonly wall: number };
}

/** As many as a large office has people and devices; beyond, the longest known is asked about again. */
const maxTrusted = 20_000;
/** A question that took longer is not remembered, so ends need not be kept for longer. */
const longestQuestionMs = 30_000;

/**
 * The sessions that Core has confirmed and would have told us about if they had ended. Nothing in
 * here counts unless the feed is alive at that moment.
 */
export class TrustedSessions {
  readonly #feed: () => Feed;
  readonly #byToken = new Map<string, Trusted>();
  readonly #tokenByHash = new Map<string, string>();
  /** When sessions ended that a question under way might still be answered about. */
  readonly #endedAt = new Map<string, number>();
  #seen = new Set<string>();

  constructor(feed: () => Feed) {
    this.#feed = feed;
  }

  get size(): number {
    return this.#byToken.size;
  }

  /** @param isUse whether this counts as activity of the person */
  find(token: string, { isUse }: { isUse: boolean }): Session | undefined {
    if (!this.#feed().isAlive) return undefined;
    const trusted = this.#byToken.get(token);
    if (trusted === undefined) return undefined;
    const { session, endsAt } = trusted;
    if (Date.now() >= endsAt.wall || performance.now() >= endsAt.monotonic) {
      this.#forget(token, session.hash);
      return undefined;
    }
    if (isUse) this.#seen.add(session.hash);
    return session;
  }

  /**
   * Call this before asking Core. The answer may have been read before a session ended and arrive
   * after that was announced (so ends since the question count), or belong to a connection that is
   * gone (so the epoch has to be the same).
   */
  ask(): Question {
    const { isAlive, epoch } = this.#feed();
    const askedAt = performance.now();
    return {
      remember: (session, { isUse }) => {
        const feed = this.#feed();
        const isLate = performance.now() - askedAt > longestQuestionMs;
        if (!isAlive || !feed.isAlive || feed.epoch !== epoch || isLate) return;
        const endedAt = this.#endedAt.get(session.hash) ?? Number.NEGATIVE_INFINITY;
        if (endedAt >= askedAt) return;
        this.#keep(session);
        if (isUse) this.#seen.add(session.hash);
      },
    };
  }

  /** These sessions have ended: from now on nobody gets in with them. */
  end(hashes: readonly string[]): void {
    const now = performance.now();
    for (const [hash, at] of this.#endedAt) {
      if (now - at <= longestQuestionMs) break;
      this.#endedAt.delete(hash);
    }
    for (const hash of hashes) {
      // Deleted first, so that the map stays in the order of time.
      this.#endedAt.delete(hash);
      this.#endedAt.set(hash, now);
      const token = this.#tokenByHash.get(hash);
      if (token !== undefined) this.#forget(token, hash);
    }
  }

  /** Whether a session's end was announced lately: while its request was being let in. */
  hasEnded(hash: string): boolean {
    return this.#endedAt.has(hash);
  }

  /** What was confirmed over another connection counts no more. */
  clear(): void {
    this.#byToken.clear();
    this.#tokenByHash.clear();
  }

  /** The sessions used since this was last asked. */
  takeSeen(): string[] {
    const seen = [...this.#seen];
    this.#seen = new Set();
    return seen;
  }

  #keep(session: Session): void {
    const { hash } = session;
    const endsAtMs = session.user.exp * 1000;
    const leftMs = endsAtMs - Date.now();
    const endsAt = { wall: endsAtMs, monotonic: performance.now() + leftMs };
    const former = this.#tokenByHash.get(hash);
    if (former !== undefined) this.#byToken.delete(former);
    this.#byToken.set(session.token, { session, endsAt });
    this.#tokenByHash.set(hash, session.token);
    if (this.#byToken.size <= maxTrusted) return;
    for (const [token, oldest] of this.#byToken) {
      this.#forget(token, oldest.session.hash);
      break;
    }
  }

  #forget(token: string, hash: string): void {
    this.#byToken.delete(token);
    this.#tokenByHash.delete(hash);
  }
}

/** How a session is named in the log, by Core too (core/session_id.ts): nobody gets in with that. */
export function describeSession(hash: string): string {
  return hash.slice(0, 16);
}

/** How the feed names a session: its id itself stays in the token. */
export function hashSessionId(id: string): string {
  return createHash("sha256").update(id).digest("hex");
}
