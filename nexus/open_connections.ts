import type { Session } from "./session_check.ts";

/** Something that can be cut: an answer under way, a WebSocket. */
export interface Cuttable {
  destroy(): unknown;
}

interface SessionConnections {
  readonly session: Session;
  readonly open: Set<Cuttable>;
}

/** What is under way for each session, so that its end ends that too (R15). */
export class OpenConnections {
  readonly #hasEnded: (hash: string) => boolean;
  readonly #bySession = new Map<string, SessionConnections>();
  readonly #timer: NodeJS.Timeout;

  /** @param hasEnded whether the end of a session was announced while its request was let in */
  constructor(hasEnded: (hash: string) => boolean) {
    this.#hasEnded = hasEnded;
    // Sessions end by themselves too, without a word from anybody.
    this.#timer = setInterval(() => this.#cutExpired(), 1000).unref();
  }

  get size(): number {
    let size = 0;
    for (const { open } of this.#bySession.values()) size += open.size;
    return size;
  }

  /** Cuts it at once when its session has ended since its request was let in. */
  add(session: Session, connection: Cuttable): void {
    if (this.#hasEnded(session.hash)) {
      connection.destroy();
      return;
    }
    const known = this.#bySession.get(session.hash);
    if (known === undefined) {
      this.#bySession.set(session.hash, { session, open: new Set([connection]) });
    } else known.open.add(connection);
  }

  remove({ hash }: Session, connection: Cuttable): void {
    const entry = this.#bySession.get(hash);
    entry?.open.delete(connection);
    if (entry?.open.size === 0) this.#bySession.delete(hash);
  }

  /** @param hashes of the sessions that have ended */
  cut(hashes: readonly string[]): void {
    for (const hash of hashes) {
      const entry = this.#bySession.get(hash);
      this.#bySession.delete(hash);
      for (const connection of entry?.open ?? []) connection.destroy();
    }
  }

  /** Cuts what belongs to sessions that do not live any more, by Core's word. */
  async recheck(isLive: (token: string) => Promise<boolean>): Promise<void> {
    const entries = [...this.#bySession.values()];
    await Promise.all(
      entries.map(async ({ session }) => {
        if (!(await isLive(session.token))) this.cut([session.hash]);
      }),
    );
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #cutExpired(): void {
    const nowSeconds = Date.now() / 1000;
    for (const [hash, { session }] of this.#bySession) {
      if (session.user.exp <= nowSeconds) this.cut([hash]);
    }
  }
}
