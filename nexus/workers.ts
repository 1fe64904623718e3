import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "@hivematrix/lib/log";
import { LocalUsedStates } from "./used_states.ts";
import type { Question } from "./worker_messages.ts";
import { type WorkerEnding, WorkerProcess } from "./worker_process.ts";

export interface WorkerTimes {
  /** Who dies younger has not got over its start: the next one waits, each time twice as long. */
  readonly stableAfterMs: number;
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
  readonly pingEveryMs: number;
  /** More than workers take to drain, less than the supervisor's patience. */
  readonly stopTimeoutMs: number;
}

const defaultTimes: WorkerTimes = {
  stableAfterMs: 10_000,
  firstDelayMs: 250,
  longestDelayMs: 30_000,
  pingEveryMs: 5000,
  stopTimeoutMs: 8000,
};

/** A worker that has not answered for half a minute hangs, and what it has open with it. */
const maxUnansweredPings = 6;

/** How the first worker ended, when it ended before it could serve. */
export class FirstWorkerError extends Error {
  override readonly name = "FirstWorkerError";
  readonly isExpected = true;
  /** `null` when it was killed; else it has said itself what is wrong. */
  readonly exitCode: number | null;

  constructor({ words, exitCode }: WorkerEnding) {
    super(`Cannot start nexus: its first process ended before it listened (${words})`);
    this.exitCode = exitCode;
  }
}

/**
 * Keeps a number of processes that serve the same port, and what they have to know in common.
 * node:cluster hands out the connections in turn.
 */
export class Workers {
  readonly #count: number;
  readonly #log: Log;
  readonly #times: WorkerTimes;
  readonly #usedStates = new LocalUsedStates();
  readonly #running = new Set<WorkerProcess>();
  readonly #stop = new AbortController();
  #isReady = false;
  #earlyDeaths = 0;

  constructor(count: number, log: Log, times = defaultTimes) {
    this.#count = count;
    this.#log = log;
    this.#times = times;
  }

  /**
   * Resolves when all listen. All load at once, and from there one goes ahead: what is wrong with the
   * certificate or the port is said once.
   *
   * @returns false when it was closed meanwhile
   * @throws {FirstWorkerError}
   */
  async start(): Promise<boolean> {
    const { signal } = this.#stop;
    const first = this.#fork();
    const others = Array.from({ length: this.#count - 1 }, () => this.#fork(first.listening));
    const ending = await Promise.race([first.listening, first.ended]);
    if (signal.aborted) return false;
    if (ending !== undefined) {
      for (const worker of others) worker.kill("SIGKILL");
      throw new FirstWorkerError(ending);
    }
    const watch = setInterval(() => this.#endHanging(), this.#times.pingEveryMs);
    signal.addEventListener("abort", () => clearInterval(watch));
    await new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve());
      for (const worker of [first, ...others]) void this.#keepOne(worker, resolve);
    });
    this.#isReady = !signal.aborted;
    return this.#isReady;
  }

  /** Has every worker read anew what is read on SIGHUP. */
  reload(): void {
    for (const worker of this.#running) worker.reload();
  }

  /** Lets every worker finish what it has under way, and is done when all are gone. */
  async close(): Promise<void> {
    this.#stop.abort();
    const running = [...this.#running];
    for (const worker of running) worker.kill("SIGTERM");
    const cut = setTimeout(() => {
      for (const worker of this.#running) worker.kill("SIGKILL");
    }, this.#times.stopTimeoutMs);
    await Promise.all(running.map((worker) => worker.ended));
    clearTimeout(cut);
  }

  /** One place among the workers, for which there is always another when one has ended. */
  async #keepOne(first: WorkerProcess, onComplete: () => void): Promise<void> {
    const { signal } = this.#stop;
    for (let worker = first; ; worker = this.#fork()) {
      void worker.listening.then(() => {
        if (this.#countListening() === this.#count) onComplete();
      });
      const { words, ageMs } = await worker.ended;
      // Whoever ends cleanly was told to: by a signal to all processes, which gets here in a moment.
      if (words === "exit status 0") await this.#pause(this.#times.firstDelayMs);
      if (signal.aborted) return;
      this.#earlyDeaths = ageMs < this.#times.stableAfterMs ? this.#earlyDeaths + 1 : 0;
      const delayMs = this.#delay();
      const left = this.#countListening();
      const fields = { pid: worker.pid, ending: words, left, delayMs };
      this.#log.warn("a process has ended, another takes its place", fields);
      await this.#pause(delayMs);
      if (signal.aborted) return;
    }
  }

  /** Shorter when all are to end. */
  async #pause(delayMs: number): Promise<void> {
    await sleep(delayMs, undefined, { signal: this.#stop.signal }).catch(() => {});
  }

  /** @param mayServe loading begins at once all the same */
  #fork(mayServe = Promise.resolve()): WorkerProcess {
    const worker = new WorkerProcess(mayServe, (question) => this.#answer(question));
    this.#running.add(worker);
    void worker.ended.then(() => this.#running.delete(worker));
    return worker;
  }

  #answer(question: Question): boolean {
    return "useState" in question ? this.#usedStates.use(question.useState) : this.#isReady;
  }

  #delay(): number {
    const { firstDelayMs, longestDelayMs } = this.#times;
    if (this.#earlyDeaths === 0) return 0;
    return Math.min(firstDelayMs * 2 ** (this.#earlyDeaths - 1), longestDelayMs);
  }

  #countListening(): number {
    return [...this.#running].filter((worker) => worker.isListening).length;
  }

  #endHanging(): void {
    for (const worker of this.#running) {
      worker.ping();
      if (worker.unansweredPings <= maxUnansweredPings) continue;
      this.#log.error("a process hangs and is killed", { pid: worker.pid });
      worker.kill("SIGKILL");
    }
  }
}
