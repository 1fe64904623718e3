import type { Duplex } from "node:stream";

/** How long a gateway may trust what Core confirmed, from the ping that Core answered. */
export const leaseMs = 2000;

/** Two machines' clocks do not tick at quite the same speed. */
export const marginMs = 50;

/** Who owes an acknowledgement for longer gets no further pong, so that its lease runs out. */
const patienceMs = 500;

/** A gateway pings every second; one that is silent for so long is gone. */
const silenceMs = 10_000;

/** A gateway reports what was used in the last second; more than this is no report. */
const maxLineBytes = 16 * 1024 * 1024;

export interface FeedOptions {
  /** Whether leases may be given now. */
  readonly mayGrant: () => boolean;
  /** Sessions that were used, as hashSessionId in hex. */
  readonly onSeen: (hashes: string[]) => void;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
}

/**
 * One gateway's connection: it is told which sessions have ended and acknowledges each message.
 * REVOCATION.md has the protocol and why nothing slips through it.
 */
export class RevocationFeed {
  readonly #socket: Duplex;
  readonly #options: FeedOptions;
  readonly #owed = new Map<number, Owed>();
  #grantedAt = Number.NEGATIVE_INFINITY;
  #lastId = 0;
  #heardAt: number;
  #received: Buffer[] = [];
  #receivedBytes = 0;
  readonly #watch: NodeJS.Timeout;
  /** Resolves when the connection is gone, however it went. */
  readonly closed: Promise<void>;

  constructor(socket: Duplex, options: FeedOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#heardAt = options.now();
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("error", () => socket.destroy());
    socket.on("end", () => socket.destroy());
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
    this.#watch = setInterval(() => this.#cutIfHopeless(), 50);
    void this.closed.then(() => clearInterval(this.#watch));
    this.#send({ hello: { lease_ms: leaseMs } });
  }

  /** From then on, on our clock, the gateway trusts nothing that it learnt over this connection. */
  get leaseEndsAt(): number {
    return this.#grantedAt + leaseMs + marginMs;
  }

  /**
   * Says that sessions have ended.
   *
   * @returns true when the gateway has acknowledged it; false when the connection is gone, and then
   *   the gateway may trust these sessions until `leaseEndsAt`
   */
  tell(hashes: readonly string[]): Promise<boolean> {
    const id = ++this.#lastId;
    const acknowledged = new Promise<boolean>((resolve) => {
      this.#owed.set(id, { resolve: () => resolve(true), sinceMs: this.#options.now() });
    });
    this.#send({ revoked: hashes, id });
    return Promise.race([acknowledged, this.closed.then(() => false)]);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    this.#heardAt = this.#options.now();
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      this.#received.push(chunk.subarray(start, end));
      const line = Buffer.concat(this.#received).toString("utf8");
      this.#received = [];
      this.#receivedBytes = 0;
      start = end + 1;
      this.#read(line);
    }
    this.#received.push(chunk.subarray(start));
    this.#receivedBytes += chunk.length - start;
    if (this.#receivedBytes > maxLineBytes) this.destroy();
  }

  #read(line: string): void {
    const message = parseMessage(line);
    if (message === undefined) {
      this.destroy();
      return;
    }
    const { ping, ack, seen, bye } = message;
    if (typeof ping === "number") this.#grant(ping);
    if (typeof ack === "number") this.#settle(ack);
    if (Array.isArray(seen)) this.#options.onSeen(seen.filter(isHash));
    if (bye === true) this.#release();
  }

  /** The gateway has given its lease back: nothing that it learnt here is trusted any more. */
  #release(): void {
    this.#grantedAt = Number.NEGATIVE_INFINITY;
    this.destroy();
  }

  /**
   * The gateway counts its lease from when it sent the ping, which was before now. The order is
   * what matters: no pong leaves without its moment on record.
   */
  #grant(ping: number): void {
    if (!this.#options.mayGrant() || this.#owesForTooLong()) return;
    this.#grantedAt = this.#options.now();
    this.#send({ pong: ping });
  }

  #settle(id: number): void {
    this.#owed.get(id)?.resolve();
    this.#owed.delete(id);
  }

  #owesForTooLong(): boolean {
    const [oldest] = this.#owed.values();
    return oldest !== undefined && this.#options.now() - oldest.sinceMs > patienceMs;
  }

  #cutIfHopeless(): void {
    const now = this.#options.now();
    const isSilent = now - this.#heardAt > silenceMs;
    if (isSilent || (this.#owesForTooLong() && now >= this.leaseEndsAt)) this.destroy();
  }

  #send(message: object): void {
    if (this.#socket.writable) this.#socket.write(`${JSON.stringify(message)}\n`);
  }
}

interface Owed {
  readonly resolve: () => void;
  readonly sinceMs: number;
}

function parseMessage(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function isHash(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}
