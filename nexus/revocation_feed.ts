import { request as httpRequest } from "node:http";
import type { Socket } from "node:net";
import type { Log } from "@hivematrix/lib/log";

export interface RevocationFeedOptions {
  readonly coreUrl: string;
  readonly serviceSecret: string;
  readonly log: Log;
  /** Sessions that have ended, as hex SHA-256 of their ids; acknowledged once this returns. */
  readonly onEnded: (hashes: readonly string[]) => void;
  /** A new connection: whatever the one before has confirmed may be out of date. */
  readonly onEpoch: () => void;
  /** From now on ends are heard of again. */
  readonly onAlive: () => void;
  /** Sessions that were used since the last report. */
  readonly takeSeen: () => string[];
}

const pingEveryMs = 1000;
/** As Core grants it (core/revocation_feed.ts); a shorter one is taken from Core's hello. */
const longestLeaseMs = 2000;
/** Core closes the connection when it has heard the goodbye; without it, it only waits longer. */
const byeTimeoutMs = 500;
const reconnectMs = { first: 50, most: 1000 };

/**
 * Nexus's end of Core's revocation feed. While `isAlive`, every session that has ended is known
 * here: what Core has confirmed once need not be asked again. core/REVOCATION.md has the protocol and
 * the argument; this side keeps its two rules:
 * - the lease counts from the moment a ping was sent, not from its answer;
 * - an acknowledgement leaves only after `onEnded` has forgotten the sessions.
 */
export class RevocationFeed {
  readonly #options: RevocationFeedOptions;
  #socket: Socket | undefined;
  #isClosed = false;
  #epoch = 0;
  #leaseMs = longestLeaseMs;
  /** When the lease ends, on a clock that never goes back and on one that goes on in a suspended machine. */
  #endsAt = { monotonic: 0, wall: 0 };
  #pings = new Map<number, { monotonic: number; wall: number }>();
  #lastPing = 0;
  #retryMs = reconnectMs.first;
  #received = "";
  readonly #timer: NodeJS.Timeout;

  constructor(options: RevocationFeedOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#tick(), pingEveryMs);
    this.#connect();
  }

  /** Whether Core is bound to tell us of every end before it answers the one who asked for it. */
  get isAlive(): boolean {
    const { monotonic, wall } = this.#endsAt;
    return performance.now() < monotonic && Date.now() < wall;
  }

  /** Which connection this is; what one has confirmed says nothing under another. */
  get epoch(): number {
    return this.#epoch;
  }

  /**
   * Trusts nothing any more and tells Core so, which need not wait for this gateway's lease then
   * when a session ends. To be called when nothing is open that was let in by that trust.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    this.#pings.clear();
    this.#drop();
    if (socket === undefined || socket.destroyed) return;
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    const cut = setTimeout(() => socket.destroy(), byeTimeoutMs);
    socket.end(`${JSON.stringify({ bye: true })}\n`);
    await closed;
    clearTimeout(cut);
  }

  #connect(): void {
    const { coreUrl, serviceSecret } = this.#options;
    const credential = Buffer.from(`nexus:${serviceSecret}`).toString("base64");
    const request = httpRequest(new URL("/api/revocations/feed", coreUrl), {
      headers: {
        authorization: `Basic ${credential}`,
        connection: "Upgrade",
        upgrade: "hivematrix-revocations",
      },
      timeout: 5000,
    });
    request.once("upgrade", (_response, socket, head) => this.#begin(socket, head));
    request.once("response", (response) => {
      this.#options.log.warn("Core refuses the revocation feed", { status: response.statusCode });
      response.resume();
      this.#reconnect();
    });
    request.once("timeout", () => request.destroy(new Error("Core did not answer in time")));
    request.once("error", () => this.#reconnect());
    request.end();
  }

  #begin(socket: Socket, head: Buffer): void {
    if (this.#isClosed) {
      socket.destroy();
      return;
    }
    this.#socket = socket;
    this.#epoch++;
    this.#pings.clear();
    this.#received = "";
    this.#retryMs = reconnectMs.first;
    socket.setNoDelay(true);
    socket.setTimeout(0);
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => this.#receive(text));
    socket.on("error", () => socket.destroy());
    socket.on("end", () => socket.destroy());
    socket.once("close", () => this.#end(socket));
    this.#options.onEpoch();
    if (head.length > 0) this.#receive(head.toString("utf8"));
    this.#tick();
  }

  #end(socket: Socket): void {
    if (this.#socket !== socket) return;
    this.#drop();
    if (this.#isClosed) return;
    this.#options.log.warn("the revocation feed is down, every request is checked at Core");
    this.#reconnect();
  }

  /** No lease outlives its connection: without it nothing can be heard. */
  #drop(): void {
    this.#endsAt = { monotonic: 0, wall: 0 };
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  #reconnect(): void {
    if (this.#isClosed) return;
    setTimeout(() => this.#connect(), this.#retryMs).unref();
    this.#retryMs = Math.min(this.#retryMs * 2, reconnectMs.most);
  }

  #tick(): void {
    if (this.#socket === undefined) return;
    const seen = this.#options.takeSeen();
    if (seen.length > 0) this.#send({ seen });
    this.#pings.set(++this.#lastPing, { monotonic: performance.now(), wall: Date.now() });
    this.#send({ ping: this.#lastPing });
    // A connection that swallows pings is as good as none.
    if (this.#pings.size > 10) this.#socket.destroy();
  }

  #receive(text: string): void {
    const lines = (this.#received + text).split("\n");
    this.#received = lines.pop() ?? "";
    for (const line of lines) {
      try {
        this.#read(JSON.parse(line) as FeedMessage);
      } catch (error) {
        this.#options.log.error("the revocation feed sent nonsense", { error });
        this.#socket?.destroy();
        return;
      }
    }
  }

  #read({ hello, pong, revoked, id }: FeedMessage): void {
    if (hello !== undefined) this.#leaseMs = Math.min(hello.lease_ms, longestLeaseMs);
    if (revoked !== undefined) {
      this.#options.onEnded(revoked);
      this.#send({ ack: id });
    }
    if (pong !== undefined) this.#extend(pong);
  }

  #extend(pong: number): void {
    const sent = this.#pings.get(pong);
    if (sent === undefined) return;
    for (const earlier of this.#pings.keys()) if (earlier <= pong) this.#pings.delete(earlier);
    const { monotonic, wall } = sent;
    const wasAlive = this.isAlive;
    this.#endsAt = { monotonic: monotonic + this.#leaseMs, wall: wall + this.#leaseMs };
    if (!wasAlive && this.isAlive) this.#options.onAlive();
  }

  #send(message: object): void {
    this.#socket?.write(`${JSON.stringify(message)}\n`);
  }
}

interface FeedMessage {
  readonly hello?: { lease_ms: number };
  readonly pong?: number;
  readonly revoked?: string[];
  readonly id?: number;
}
