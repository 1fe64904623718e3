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

/** What the identity provider knows its side of the session by, so that a logout can end that too. */
export interface ProviderSession {
  readonly sid?: string | undefined;
  readonly idToken?: string | undefined;
  readonly refreshToken?: string | undefined;
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
  /** Judges a session, and with an idle limit notes that it is in use. */
  check(id: string): Promise<SessionCheck>;
  /**
   * Ends a session, one past its time included, for good.
   *
   * @returns the provider's side of it, handed out once; `undefined` when there was nothing to end
   */
  revoke(id: string): Promise<ProviderSession | undefined>;
  /** Forgets sessions that are over. @returns how many */
  removeExpired(): Promise<number>;
  /** Resolves when sessions can be read and written. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

export interface SessionStoreOptions {
  /** A session not used for this long is over; without it, only the absolute limit counts. */
  readonly idleSeconds?: number | undefined;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** What a store keeps of a session beside the session itself. */
export interface SessionRecord {
  readonly session: Session;
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

/** The contract's checks 3 to 5, in its order. */
export function judgeSession(
  record: SessionRecord | undefined,
  nowSeconds: number,
  idleSeconds: number | undefined,
): SessionCheck {
  if (record === undefined) return { state: "unknown" };
  const { session, lastSeenAtSeconds, isRevoked } = record;
  const isFromFuture = session.createdAtSeconds > nowSeconds + clockLeewaySeconds;
  if (nowSeconds >= session.expiresAtSeconds || isFromFuture) return { state: "expired" };
  if (idleSeconds !== undefined && nowSeconds - lastSeenAtSeconds >= idleSeconds) {
    return { state: "idle" };
  }
  return isRevoked ? { state: "revoked" } : { state: "live", session };
}

/** Whether a use is worth noting: not each one, a store would write on every request. */
export function isDueToTouch(
  { lastSeenAtSeconds }: SessionRecord,
  nowSeconds: number,
  idleSeconds: number | undefined,
): boolean {
  if (idleSeconds === undefined) return false;
  return nowSeconds - lastSeenAtSeconds >= Math.min(60, idleSeconds / 10);
}

/** Sessions in this process's memory, gone with it: for a Core without a database. */
export class MemorySessionStore implements SessionStore {
  readonly #records = new Map<string, MemoryRecord>();
  readonly #idleSeconds: number | undefined;
  readonly #now: () => number;

  constructor({ idleSeconds, now = Date.now }: SessionStoreOptions = {}) {
    this.#idleSeconds = idleSeconds;
    this.#now = now;
  }

  async create(
    user: User,
    ttlSeconds: number,
    provider: ProviderSession = {},
    device: Device = {},
  ): Promise<Session> {
    const session = createSession(user, ttlSeconds, this.#nowSeconds());
    const lastSeenAtSeconds = session.createdAtSeconds;
    const record = { session, provider, device, lastSeenAtSeconds, isRevoked: false };
    this.#records.set(session.id, record);
    return session;
  }

  async check(id: string): Promise<SessionCheck> {
    const record = this.#records.get(id);
    const nowSeconds = this.#nowSeconds();
    const judged = judgeSession(record, nowSeconds, this.#idleSeconds);
    if (record === undefined || judged.state !== "live") return judged;
    if (isDueToTouch(record, nowSeconds, this.#idleSeconds)) {
      this.#records.set(id, { ...record, lastSeenAtSeconds: nowSeconds });
    }
    return judged;
  }

  async revoke(id: string): Promise<ProviderSession | undefined> {
    const record = this.#records.get(id);
    if (record === undefined || record.isRevoked) return undefined;
    this.#records.set(id, { ...record, provider: {}, isRevoked: true });
    return record.provider;
  }

  async removeExpired(): Promise<number> {
    const nowSeconds = this.#nowSeconds();
    const before = this.#records.size;
    for (const [id, { session, provider }] of this.#records) {
      const keptSeconds = provider.refreshToken === undefined ? 0 : lateLogoutSeconds;
      const isOver = nowSeconds >= session.expiresAtSeconds + keptSeconds;
      const isFromFuture = session.createdAtSeconds > nowSeconds + clockLeewaySeconds;
      if (isOver || isFromFuture) this.#records.delete(id);
    }
    return before - this.#records.size;
  }

  async ping(): Promise<void> {}

  async close(): Promise<void> {}

  #nowSeconds(): number {
    return Math.floor(this.#now() / 1000);
  }
}

interface MemoryRecord extends SessionRecord {
  readonly provider: ProviderSession;
  readonly device: Device;
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
