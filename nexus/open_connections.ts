import type { Log } from "@hivematrix/lib/log";
import type { Session } from "./session_check.ts";

/** Something that can be cut: an answer under way, a WebSocket. */
export interface Cuttable {
  destroy(): unknown;
}

interface SessionConnections {
  readonly session: Session;
  readonly open: Set<Cuttable>;
}

/** What is known of sessions whose connections are open. */
export interface SessionKnowledge {
  /** Whether the end of a session was announced lately: while its request was being let in. */
  hasEnded(hash: string): boolean;
  /** Whether the end of this session would be heard of: then there is nothing to ask. */
  isTrusted(session: Session): boolean;
  /** Whether an answer by Core makes a session trusted now. */
  isFeedAlive(): boolean;
  /** Asks Core, and trusts what lives. @throws {HttpError} 503 when Core cannot say */
  isLive(session: Session): Promise<boolean>;
}

const lookEveryMs = 1000;

/** Without the feed nothing becomes trusted, so every look would ask Core about everything. */
const looksWithoutFeed = 5;

/**
 * What is under way for each session, so that its end ends that too (R15). A connection is let in by
 * an answer that may be out of date by then, and its session's end may have been announced while the
 * feed was down. So each is looked at until its session is trusted, and again when the feed was lost.
 */
export class OpenConnections {
  readonly #knowledge: SessionKnowledge;
  readonly #log: Log;
  readonly #bySession = new Map<string, SessionConnections>();
  readonly #timer: NodeJS.Timeout;
  #isAsking = false;
  #looks = 0;

  constructor(knowledge: SessionKnowledge, log: Log) {
    this.#knowledge = knowledge;
    this.#log = log;
    this.#timer = setInterval(() => {
      // Sessions end by themselves too, without a word from anybody.
      this.#cutExpired();
      void this.askAboutDoubtful();
    }, lookEveryMs).unref();
  }

  get size(): number {
    let size = 0;
    for (const { open } of this.#bySession.values()) size += open.size;
    return size;
  }

  /**
   * Cuts it at once when its session has ended since its request was let in.
   *
   * @returns whether it may go on
   */
  add(session: Session, connection: Cuttable): boolean {
    if (this.#knowledge.hasEnded(session.hash)) {
      connection.destroy();
      return false;
    }
    const known = this.#bySession.get(session.hash);
    if (known === undefined) {
      this.#bySession.set(session.hash, { session, open: new Set([connection]) });
    } else known.open.add(connection);
    return true;
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

  /**
   * Asks Core about each session that is not trusted, and cuts what belongs to those that are over.
   * Done every second, and to be called when the feed is back. What Core does not answer is asked
   * again at the next look.
   */
  async askAboutDoubtful(): Promise<void> {
    const { isTrusted, isFeedAlive, isLive } = this.#knowledge;
    const isDue = isFeedAlive() || ++this.#looks % looksWithoutFeed === 0;
    if (this.#isAsking || !isDue) return;
    this.#isAsking = true;
    const doubtful = [...this.#bySession.values()].filter(({ session }) => !isTrusted(session));
    const results = await Promise.allSettled(
      doubtful.map(async ({ session }) => {
        if (!(await isLive(session))) this.cut([session.hash]);
      }),
    );
    this.#isAsking = false;
    const failed = results.find(({ status }) => status === "rejected");
    if (failed === undefined) return;
    const { reason: error } = failed as PromiseRejectedResult;
    this.#log.warn("open connections could not be checked", { error });
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
