import cluster, { type Worker } from "node:cluster";
import type { FromPrimary, FromWorker, Question } from "./worker_messages.ts";

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
  #unansweredPings = 0;

  /**
   * Starts it.
   *
   * @param mayServe it loads at once, and does no more before this resolves
   * @param answer to its questions
   */
  constructor(mayServe: Promise<void>, answer: (question: Question) => boolean) {
    this.#worker = cluster.fork();
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
        resolve({ words, exitCode, ageMs: performance.now() - this.#startedAt });
      };
      this.#worker.once("exit", (code: number | null, signal: string | null) => {
        end(signal === null ? `exit status ${code}` : `killed by ${signal}`, code);
      });
      // A process that could not even be made has no exit.
      this.#worker.once("error", (error: Error) => end(error.message, null));
    });
  }

  get pid(): number | undefined {
    return this.#worker.process.pid;
  }

  get isListening(): boolean {
    return this.#isListening;
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
