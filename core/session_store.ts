import type { PermissionLevel } from "@hivematrix/lib/token_verifier";
import { createSessionId } from "./session_id.ts";

/** Who a session belongs to, under the names that travel in the token (contract §3). */
export interface User {
  readonly sub: string;
  readonly name: string;
  readonly email: string;
  readonly preferred_username: string;
  readonly permission_level: PermissionLevel;
  readonly groups: readonly string[];
}

export interface Session {
  /** The `jti` of its token (RFC 7519 §4.1.7). */
  readonly id: string;
  readonly user: User;
  readonly createdAtSeconds: number;
  /** The absolute limit; nothing prolongs a session. */
  readonly expiresAtSeconds: number;
}

/**
 * What the identity provider knows its side of the session by, so that a logout can end that too. The
 * refresh token is enough for that from server to server; an ID token would only be a hint for a
 * logout through the browser, where it has no place (R5), and twice the size of all the rest.
 */
export interface ProviderSession {
  readonly sid?: string | undefined;
  readonly refreshToken?: string | undefined;
  /**
   * Until then it lives there, used or not, unless somebody ends it: the refresh token's `exp`, in
   * seconds by the provider's clock.
   */
  readonly untilSeconds?: number | undefined;
}

/** Where a session is used from, as Nexus saw it at sign-in, for its owner to tell it from others. */
export interface Device {
  readonly userAgent?: string | undefined;
  readonly address?: string | undefined;
}

/** The answer to "is this session good?", with the first of the contract's checks that fails. */
export type SessionCheck =
  | { readonly state: "live"; readonly session: Session }
  | { readonly state: "unknown" | "expired" | "idle" | "revoked" };

/** Where Core keeps the sessions behind its tokens (the contract's SessionManager). */
export interface SessionStore {
  /** @param ttlSeconds lifetime, the same as the token's (its `exp` minus its `iat`) */
  create(
    user: User,
    ttlSeconds: number,
    provider?: ProviderSession,
    device?: Device,
  ): Promise<Session>;
  /**
   * Judges a session and notes that it is in use.
   *
   * @param isUse whether this question comes of something that the person does. Default true
   */
  check(id: string, options?: { isUse?: boolean }): Promise<SessionCheck>;
  /**
   * Ends sessions for good, those past their time included. Others learn of it by the caller, who
   * goes through session_ending.ts.
   *
   * @param revocation names this end between several Cores (shared_revocations.ts)
   * @returns all sessions that were meant and are over now, those that were over before included
   */
  end(which: SessionSelector, revocation?: string): Promise<EndedSession[]>;
  /**
   * The live sessions, of one person or of all, the last used first; at most `limit`.
   *
   * @param search only of people whose name, user name or e-mail address has this in it, in upper or
   *   lower case, or whose `sub` is this
   */
  list(sub: string | undefined, limit: number, search?: string): Promise<ListedSession[]>;
  /** Live sessions as they are compared with the provider, of all people or of these alone. */
  listHeld(subs?: readonly string[]): Promise<HeldSession[]>;
  /** Notes that these live sessions were used just now. @param hashes hashSessionId in hex */
  noteUse(hashes: readonly string[]): Promise<void>;
  /** Whether something that counts once has been used: a logout token's `jti`. */
  isUsed(name: string): Promise<boolean>;
  /** Remembers that, until it would not count in any case. */
  markUsed(name: string, untilSeconds: number): Promise<void>;
  /** Forgets sessions that are over. @returns how many */
  removeExpired(): Promise<number>;
  /** Resolves when sessions can be read and written. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** Which sessions are meant. `hash` and those in `except` are hashSessionId in hex. */
export type SessionSelector =
  | { readonly id: string }
  | { readonly hash: string; readonly sub?: string | undefined }
  | { readonly sub: string; readonly except?: readonly string[] | undefined }
  | { readonly sid: string }
  /**
   * Those that nobody used for the idle limit; none without such a limit. Of very many only some:
   * ask again until there are none.
   */
  | { readonly idle: true };

export interface EndedSession {
  /** hashSessionId in hex, the name by which a session is spoken of outside its token. */
  readonly hash: string;
  readonly sub: string;
  /** Whether it was good until this end. */
  readonly wasLive: boolean;
  /** Whether an earlier call had ended it. */
  readonly wasRevoked: boolean;
  /** The provider's side of it, handed out to the first end only. */
  readonly provider: ProviderSession;
}

/** A session as its owner sees it in a list. */
export interface ListedSession {
  readonly hash: string;
  readonly user: User;
  readonly createdAtSeconds: number;
  readonly lastSeenAtSeconds: number;
  readonly expiresAtSeconds: number;
  readonly device: Device;
}

/** What a live session rests on at the identity provider. */
export interface HeldSession {
  readonly hash: string;
  readonly sub: string;
  readonly groups: readonly string[];
  readonly createdAtSeconds: number;
  readonly provider: Pick<ProviderSession, "sid" | "untilSeconds">;
}

export interface SessionStoreOptions {
  /** A session not used for this long is over; without it, only the absolute limit counts. */
  readonly idleSeconds?: number | undefined;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** What decides whether a session that a store knows is good. */
export interface SessionRecord {
  readonly createdAtSeconds: number;
  readonly expiresAtSeconds: number;
  readonly lastSeenAtSeconds: number;
  readonly isRevoked: boolean;
}

/**
 * How long an expired session that can still end the provider's session is kept: whoever logs out
 * late would otherwise stay signed in there, and the next person at the machine with them.
 */
export const lateLogoutSeconds = 12 * 3600;

/**
 * How far in the future a session may have begun. More means that the clock was set back meanwhile,
 * and counting from that beginning would carry the session past its absolute limit.
 */
export const clockLeewaySeconds = 60;

/** The contract's checks 4 and 5, in its order. */
export function judgeSession(
  record: SessionRecord,
  nowSeconds: number,
  idleSeconds: number | undefined,
): Exclude<SessionCheck["state"], "unknown"> {
  const { createdAtSeconds, expiresAtSeconds, lastSeenAtSeconds, isRevoked } = record;
  const isFromFuture = createdAtSeconds > nowSeconds + clockLeewaySeconds;
  if (nowSeconds >= expiresAtSeconds || isFromFuture) return "expired";
  if (idleSeconds !== undefined && nowSeconds - lastSeenAtSeconds >= idleSeconds) return "idle";
  return isRevoked ? "revoked" : "live";
}

/** How old "last seen" may become before a use is noted: a store would write on every request. */
export function touchAfterSeconds(idleSeconds: number | undefined): number {
  return Math.min(60, (idleSeconds ?? 600) / 10);
}

/** A session that begins now, in whole seconds, so that its token can say exactly the same. */
export function createSession(user: User, ttlSeconds: number, nowSeconds: number): Session {
  return {
    id: createSessionId(),
    user,
    createdAtSeconds: nowSeconds,
    expiresAtSeconds: nowSeconds + ttlSeconds,
  };
}
