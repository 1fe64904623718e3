import cluster, { type Worker } from "node:cluster";
import {
  type FromPrimary,
  type FromWorker,
  type Question,
  spokesmanVariable,
} from "./worker_messages.ts";

export interface WorkerEnding {
  /** In words: "exit status 1", "killed by SIGKILL". */
  readonly words: string;
  readonly exitCode: number | null;
  readonly ageMs: number;
}

/** One process that serves requests, as its primary sees it (primary_link.ts is the other end). */
export class WorkerProcess {
  readonly #worker: Worker;
  readonly #startedAt = performance.now();
  /** Resolves when it serves; not at all when it ends before. */
  readonly listening: Promise<void>;
  readonly ended: Promise<WorkerEnding>;
  #isListening = false;
  #hasEnded = false;
  #isRetired = false;
  #unansweredPings = 0;

  /**
   * Starts it.
   *
   * @param mayServe it loads at once, and does no more before this resolves
   * @param answer to its questions
   * @param isSpokesman whether it says what is to be said once for all
   */
  constructor(
    mayServe: Promise<void>,
    answer: (question: Question) => boolean,
    { isSpokesman }: { isSpokesman: boolean },
  ) {
    this.#worker = cluster.fork({ [spokesmanVariable]: isSpokesman ? "true" : "" });
    takeBackConnections(this.#worker);
    this.listening = new Promise((resolve) => {
      this.#worker.on("message", (message: FromWorker) => {
        this.#unansweredPings = 0;
        if ("question" in message) {
          this.#send({ answer: answer(message.question), id: message.id });
        } else if ("isLoaded" in message) {
          void mayServe.then(() => this.#send({ start: true }));
        } else if ("listens" in message) {
          this.#isListening = true;
          resolve();
        }
      });
    });
    this.ended = new Promise((resolve) => {
      const end = (words: string, exitCode: number | null) => {
        this.#isListening = false;
        this.#hasEnded = true;
        resolve({ words, exitCode, ageMs: performance.now() - this.#startedAt });
      };
      this.#worker.once("exit", (code: number | null, signal: string | null) => {
        end(signal === null ? `exit status ${code}` : `killed by ${signal}`, code);
      });
      this.#worker.on("error", (error: Error) => {
        // One that could not even be made has no exit; any other error is of its channel.
        if (this.pid === undefined) end(error.message, null);
      });
    });
  }

  get pid(): number | undefined {
    return this.#worker.process.pid;
  }

  get isListening(): boolean {
    return this.#isListening;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Whether it was told to end, and nobody is to take its place. */
  get isRetired(): boolean {
    return this.#isRetired;
  }

  /** Lets it finish what it has under way. @param timeoutMs after this it is killed */
  retire(timeoutMs: number): void {
    this.#isRetired = true;
    this.kill("SIGTERM");
    const cut = setTimeout(() => this.kill("SIGKILL"), timeoutMs);
    void this.ended.then(() => clearTimeout(cut));
  }

  /** How many it has not answered; one that has only begun is asked nothing. */
  get unansweredPings(): number {
    return this.#unansweredPings;
  }

  ping(): void {
    if (!this.#isListening) return;
    this.#unansweredPings++;
    this.#send({ ping: true });
  }

  reload(): void {
    this.#send({ reload: true });
  }

  kill(signal: NodeJS.Signals): void {
    this.#worker.process.kill(signal);
  }

  #send(message: FromPrimary): void {
    // That it is gone is noticed by its end.
    if (this.#worker.isConnected()) this.#worker.send(message, undefined, () => {});
  }
}

interface HandOver {
  readonly cmd?: unknown;
  readonly act?: unknown;
  readonly seq?: number;
  readonly ack?: number;
}

/**
 * node:cluster forgets a connection that it has handed to a worker which dies before it has taken it,
 * and its client would wait for ever. So the refusal that the worker owes is given in its place: then
 * node:cluster hands the connection to another one (lib/internal/cluster/round_robin_handle.js). No
 * request is served twice, for a worker says that it has taken a connection before it reads from it.
 */
function takeBackConnections(worker: Worker): void {
  const { process: child } = worker;
  const open = new Set<number>();
  const send = child.send.bind(child);
  child.send = ((message: HandOver, ...rest: []) => {
    if (message.act === "newconn" && message.seq !== undefined) open.add(message.seq);
    return send(message, ...rest);
  }) as typeof child.send;
  child.on("internalMessage", ({ cmd, ack }: HandOver) => {
    if (cmd === "NODE_CLUSTER" && ack !== undefined) open.delete(ack);
  });
  const takeBack = () => {
    // What it has said may not have been read to its end yet.
    if (child.connected) setTimeout(takeBack, 10);
    else {
      for (const ack of open) {
        child.emit("internalMessage", { cmd: "NODE_CLUSTER", ack, accepted: false });
      }
    }
  };
  child.once("exit", takeBack);
}
