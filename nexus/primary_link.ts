import cluster from "node:cluster";
import { HttpError } from "@hivematrix/lib/http_error";
import type { UsedStates } from "./used_states.ts";
import type { FromPrimary, FromWorker, Question } from "./worker_messages.ts";

/** A primary does little; one that takes longer hangs. */
const answerTimeoutMs = 2000;

/** A worker's end of what it has to do with the primary that keeps it (worker_process.ts). */
export class PrimaryLink implements UsedStates {
  readonly #open = new Map<number, (answer: boolean) => void>();
  #lastId = 0;
  #start: () => void = () => {};

  constructor() {
    process.on("message", (message: FromPrimary) => this.#receive(message));
  }

  /** To be called when all is loaded, which takes the most time. Resolves when it is this one's turn. */
  async untilStart(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#start = resolve;
      this.#send({ isLoaded: true });
    });
  }

  /** From now on requests are served here. */
  sayListens(): void {
    this.#send({ listens: true });
  }

  /** Calls back when the primary is gone. Left alone, node:cluster would end the process at once. */
  onGone(callback: () => void): void {
    const { worker } = cluster;
    worker?.once("disconnect", () => {
      worker.exitedAfterDisconnect = true;
      callback();
    });
  }

  /** @throws {HttpError} 503 when the primary does not answer: what may have been used is not let in */
  async use(state: string): Promise<boolean> {
    return await this.#ask({ useState: state });
  }

  /** Whether the gateway as a whole has started. @throws {HttpError} 503 without an answer */
  async isReady(): Promise<boolean> {
    return await this.#ask({ isReady: true });
  }

  #receive(message: FromPrimary): void {
    if ("ping" in message) this.#send({ pong: true });
    else if ("start" in message) this.#start();
    // Its listeners, and never what the system does when there are none.
    else if ("reload" in message) process.emit("SIGHUP", "SIGHUP");
    else this.#open.get(message.id)?.(message.answer);
  }

  async #ask(question: Question): Promise<boolean> {
    const id = ++this.#lastId;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<boolean>((resolve, reject) => {
        const fail = (cause: Error) =>
          reject(new HttpError(503, "Nexus cannot answer that at the moment", { cause }));
        timer = setTimeout(() => fail(new Error("the primary does not answer")), answerTimeoutMs);
        this.#open.set(id, resolve);
        this.#send({ question, id }, fail);
      });
    } finally {
      clearTimeout(timer);
      this.#open.delete(id);
    }
  }

  #send(message: FromWorker, onFailure: (cause: Error) => void = () => {}): void {
    // Without the callback, a primary that is gone would be an error that nobody catches.
    process.send?.(message, undefined, undefined, (error) => {
      if (error !== null) onFailure(error);
    });
  }
}
