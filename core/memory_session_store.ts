import { hashSessionId } from "./session_id.ts";
import {
  clockLeewaySeconds,
  createSession,
  type Device,
  type EndedSession,
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
  /** By hashSessionId in hex. One flat object each: a Core may hold very many. */
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
    this.#records.set(toHash(session.id), {
      user,
      createdAtSeconds: session.createdAtSeconds,
      expiresAtSeconds: session.expiresAtSeconds,
      lastSeenAtSeconds: session.createdAtSeconds,
      isRevoked: false,
      provider,
      device,
    });
    return session;
  }

  async check(id: string, { isUse = true } = {}): Promise<SessionCheck> {
    const record = this.#records.get(toHash(id));
    const nowSeconds = this.#nowSeconds();
    const judged = judgeSession(
      record && toSessionRecord(id, record),
      nowSeconds,
      this.#idleSeconds,
    );
    if (record !== undefined && judged.state === "live" && isUse) this.#touch(record, nowSeconds);
    return judged;
  }

  async end(which: SessionSelector): Promise<EndedSession[]> {
    const nowSeconds = this.#nowSeconds();
    return [...this.#select(which)].map(([hash, record]) => {
      const { isRevoked: wasRevoked, provider, user } = record;
      const wasLive = this.#isLive(record, nowSeconds);
      record.isRevoked = true;
      record.provider = provider.sid === undefined ? noProvider : { sid: provider.sid };
      return { hash, sub: user.sub, wasLive, wasRevoked, provider };
    });
  }

  async list(sub: string | undefined, limit: number, search?: string): Promise<ListedSession[]> {
    const nowSeconds = this.#nowSeconds();
    return [...this.#records]
      .filter(([, { user }]) => sub === undefined || user.sub === sub)
      .filter(([, { user }]) => search === undefined || isFoundBy(user, search))
      .filter(([, record]) => this.#isLive(record, nowSeconds))
      .map(([hash, { isRevoked: _, provider: __, ...shown }]) => ({ hash, ...shown }))
      .sort((a, b) => b.lastSeenAtSeconds - a.lastSeenAtSeconds || (a.hash < b.hash ? -1 : 1))
      .slice(0, limit);
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
    for (const [hash, { createdAtSeconds, expiresAtSeconds, provider }] of this.#records) {
      const keptSeconds = provider.refreshToken === undefined ? 0 : lateLogoutSeconds;
      const isOver = nowSeconds >= expiresAtSeconds + keptSeconds;
      const isFromFuture = createdAtSeconds > nowSeconds + clockLeewaySeconds;
      if (isOver || isFromFuture) this.#records.delete(hash);
    }
    return before - this.#records.size;
  }

  async ping(): Promise<void> {}

  async close(): Promise<void> {}

  *#select(which: SessionSelector): Generator<[string, MemoryRecord]> {
    if ("id" in which || "hash" in which) {
      const hash = "id" in which ? toHash(which.id) : which.hash;
      const record = this.#records.get(hash);
      const sub = "hash" in which ? which.sub : undefined;
      if (record !== undefined && (sub ?? record.user.sub) === record.user.sub) {
        yield [hash, record];
      }
      return;
    }
    const nowSeconds = this.#nowSeconds();
    for (const [hash, record] of this.#records) {
      const isMeant =
        "sub" in which
          ? record.user.sub === which.sub && hash !== which.except
          : "sid" in which
            ? record.provider.sid === which.sid
            : !record.isRevoked && this.#judge(record, nowSeconds) === "idle";
      if (isMeant) yield [hash, record];
    }
  }

  #judge(record: MemoryRecord, nowSeconds: number): SessionCheck["state"] {
    return judgeSession(toSessionRecord("", record), nowSeconds, this.#idleSeconds).state;
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

interface MemoryRecord {
  readonly user: User;
  readonly createdAtSeconds: number;
  readonly expiresAtSeconds: number;
  lastSeenAtSeconds: number;
  isRevoked: boolean;
  /** Without its tokens once it is revoked. */
  provider: ProviderSession;
  readonly device: Device;
}

const noProvider: ProviderSession = {};

function isFoundBy(user: User, search: string): boolean {
  const wanted = search.toLowerCase();
  const texts = [user.name, user.preferred_username, user.email];
  return user.sub === search || texts.some((text) => text.toLowerCase().includes(wanted));
}

function toHash(id: string): string {
  return hashSessionId(id).toString("hex");
}

function toSessionRecord(id: string, record: MemoryRecord): SessionRecord {
  const { user, createdAtSeconds, expiresAtSeconds, lastSeenAtSeconds, isRevoked } = record;
  const session = { id, user, createdAtSeconds, expiresAtSeconds };
  return { session, lastSeenAtSeconds, isRevoked };
}
