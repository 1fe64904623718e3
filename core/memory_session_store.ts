import { packSession, type SessionDetails, seekDetail, unpackSession } from "./packed_session.ts";
import { hashSessionId } from "./session_id.ts";
import {
  clockLeewaySeconds,
  createSession,
  type Device,
  type EndedSession,
  type HeldSession,
  judgeSession,
  type ListedSession,
  lateLogoutSeconds,
  type ProviderSession,
  type Session,
  type SessionCheck,
  type SessionRecord,
  type SessionSelector,
  type SessionStore,
  type SessionStoreOptions,
  touchAfterSeconds,
  type User,
} from "./session_store.ts";

/** Sessions in this process's memory, gone with it: for a Core without a database. */
export class MemorySessionStore implements SessionStore {
  /** By hashSessionId in hex. */
  readonly #records = new Map<string, MemoryRecord>();
  /** What counts once and was used, and until when that matters, in seconds. */
  readonly #used = new Map<string, number>();
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
    const { id, createdAtSeconds, expiresAtSeconds } = session;
    const isLateLogout = provider.refreshToken !== undefined;
    this.#records.set(toHash(id), {
      packed: packSession({ user, provider, device }),
      createdAtSeconds,
      expiresAtSeconds,
      keptUntilSeconds: expiresAtSeconds + (isLateLogout ? lateLogoutSeconds : 0),
      lastSeenAtSeconds: createdAtSeconds,
      isRevoked: false,
    });
    return session;
  }

  async check(id: string, { isUse = true } = {}): Promise<SessionCheck> {
    const record = this.#records.get(toHash(id));
    if (record === undefined) return { state: "unknown" };
    const nowSeconds = this.#nowSeconds();
    const state = this.#judge(record, nowSeconds);
    if (state !== "live") return { state };
    if (isUse) this.#touch(record, nowSeconds);
    const { user } = unpackSession(record.packed);
    const { createdAtSeconds, expiresAtSeconds } = record;
    return { state, session: { id, user, createdAtSeconds, expiresAtSeconds } };
  }

  async end(which: SessionSelector): Promise<EndedSession[]> {
    const nowSeconds = this.#nowSeconds();
    return [...this.#select(which)].map(([hash, record]) => {
      const { user, provider, device } = unpackSession(record.packed);
      const { isRevoked: wasRevoked } = record;
      const wasLive = this.#isLive(record, nowSeconds);
      record.isRevoked = true;
      const { sid, refreshToken } = provider;
      record.packed = packSession({ user, provider: { sid }, device });
      record.keptUntilSeconds = record.expiresAtSeconds;
      return { hash, sub: user.sub, wasLive, wasRevoked, provider: { sid, refreshToken } };
    });
  }

  async list(sub: string | undefined, limit: number, search?: string): Promise<ListedSession[]> {
    const nowSeconds = this.#nowSeconds();
    const meant =
      sub === undefined ? this.#records : this.#seek(sub, ({ user }) => user.sub === sub);
    return [...meant]
      .filter(([, record]) => this.#isLive(record, nowSeconds))
      .filter(([, { packed }]) => search === undefined || isFoundBy(packed, search))
      .sort(
        ([hashA, a], [hashB, b]) =>
          b.lastSeenAtSeconds - a.lastSeenAtSeconds || (hashA < hashB ? -1 : 1),
      )
      .slice(0, limit)
      .map(([hash, { packed, createdAtSeconds, lastSeenAtSeconds, expiresAtSeconds }]) => {
        const { user, device } = unpackSession(packed);
        return { hash, user, createdAtSeconds, lastSeenAtSeconds, expiresAtSeconds, device };
      });
  }

  async listHeld(subs?: readonly string[]): Promise<HeldSession[]> {
    const nowSeconds = this.#nowSeconds();
    const isMeant = subs && new Set(subs);
    const held: HeldSession[] = [];
    for (const [hash, record] of this.#records) {
      if (!this.#isLive(record, nowSeconds)) continue;
      const { user, provider } = unpackSession(record.packed);
      const { sid, untilSeconds } = provider;
      if (isMeant?.has(user.sub) === false) continue;
      const { sub, groups } = user;
      const { createdAtSeconds } = record;
      held.push({ hash, sub, groups, createdAtSeconds, provider: { sid, untilSeconds } });
    }
    return held;
  }

  async noteUse(hashes: readonly string[]): Promise<void> {
    const nowSeconds = this.#nowSeconds();
    for (const hash of hashes) {
      const record = this.#records.get(hash);
      if (record !== undefined && this.#isLive(record, nowSeconds)) {
        this.#touch(record, nowSeconds);
      }
    }
  }

  async isUsed(name: string): Promise<boolean> {
    return this.#used.has(name);
  }

  async markUsed(name: string, untilSeconds: number): Promise<void> {
    this.#used.set(name, untilSeconds);
  }

  async removeExpired(): Promise<number> {
    const nowSeconds = this.#nowSeconds();
    for (const [name, untilSeconds] of this.#used) {
      if (nowSeconds >= untilSeconds) this.#used.delete(name);
    }
    const before = this.#records.size;
    for (const [hash, { createdAtSeconds, keptUntilSeconds }] of this.#records) {
      const isOver = nowSeconds >= keptUntilSeconds;
      const isFromFuture = createdAtSeconds > nowSeconds + clockLeewaySeconds;
      if (isOver || isFromFuture) this.#records.delete(hash);
    }
    return before - this.#records.size;
  }

  async ping(): Promise<void> {}

  async close(): Promise<void> {}

  #select(which: SessionSelector): Iterable<Entry> {
    if ("id" in which) return this.#get(toHash(which.id));
    if ("hash" in which) {
      const isOwner = ({ user }: SessionDetails) => (which.sub ?? user.sub) === user.sub;
      return this.#get(which.hash).filter(([, { packed }]) => isOwner(unpackSession(packed)));
    }
    if ("sid" in which) return this.#seek(which.sid, ({ provider }) => provider.sid === which.sid);
    if ("sub" in which) {
      const ofPerson = this.#seek(which.sub, ({ user }) => user.sub === which.sub);
      return [...ofPerson].filter(([hash]) => which.except?.includes(hash) !== true);
    }
    const nowSeconds = this.#nowSeconds();
    const isIdle = (record: MemoryRecord) => this.#judge(record, nowSeconds) === "idle";
    return [...this.#records].filter(([, record]) => !record.isRevoked && isIdle(record));
  }

  #get(hash: string): Entry[] {
    const record = this.#records.get(hash);
    return record === undefined ? [] : [[hash, record]];
  }

  /** @param text a detail that each of the sessions meant has */
  *#seek(text: string, isMeant: (details: SessionDetails) => boolean): Generator<Entry> {
    const mayBeMeant = seekDetail(text);
    for (const [hash, record] of this.#records) {
      const { packed } = record;
      if (mayBeMeant(packed) && isMeant(unpackSession(packed))) yield [hash, record];
    }
  }

  #judge(record: MemoryRecord, nowSeconds: number): SessionCheck["state"] {
    return judgeSession(record, nowSeconds, this.#idleSeconds);
  }

  #isLive(record: MemoryRecord, nowSeconds: number): boolean {
    return this.#judge(record, nowSeconds) === "live";
  }

  #touch(record: MemoryRecord, nowSeconds: number): void {
    const isDue = nowSeconds - record.lastSeenAtSeconds >= touchAfterSeconds(this.#idleSeconds);
    if (isDue) record.lastSeenAtSeconds = nowSeconds;
  }

  #nowSeconds(): number {
    return Math.floor(this.#now() / 1000);
  }
}

interface MemoryRecord extends SessionRecord {
  /** The rest of the session; without the provider's tokens once it is revoked. */
  packed: string;
  /** When nothing can be done with it any more, not even a late logout. */
  keptUntilSeconds: number;
  lastSeenAtSeconds: number;
  isRevoked: boolean;
}

type Entry = [hash: string, record: MemoryRecord];

function isFoundBy(packed: string, search: string): boolean {
  const { user } = unpackSession(packed);
  const wanted = search.toLowerCase();
  const texts = [user.name, user.preferred_username, user.email];
  return user.sub === search || texts.some((text) => text.toLowerCase().includes(wanted));
}

function toHash(id: string): string {
  return hashSessionId(id).toString("hex");
}
