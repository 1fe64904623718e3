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
  /** A new process that takes longer to listen, while others serve, hangs. */
  readonly startTimeoutMs: number;
  /** More than workers take to drain, less than the supervisor's patience. */
  readonly stopTimeoutMs: number;
}

const defaultTimes: WorkerTimes = {
  stableAfterMs: 10_000,
  firstDelayMs: 250,
  longestDelayMs: 30_000,
  pingEveryMs: 5000,
  startTimeoutMs: 60_000,
  stopTimeoutMs: 8000,
};

/** A worker that has not answered for half a minute hangs, and what it has open with it. */
const maxUnansweredPings = 6;

/** How a worker ended before it could serve. */
export class WorkerStartError extends Error {
  override readonly name = "WorkerStartError";
  readonly isExpected = true;
  /** `null` when it was killed; else it has said itself what is wrong. */
  readonly exitCode: number | null;

  constructor(which: "first" | "new", { words, exitCode }: WorkerEnding) {
    super(`Cannot start nexus: its ${which} process ended before it listened (${words})`);
    this.exitCode = exitCode;
  }
}

/**
 * Keeps a number of processes that serve the same port, and what they have to know in common.
 * node:cluster hands out the connections in turn.
 */
export class Workers {
  #count: number;
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
   * @throws {WorkerStartError}
   */
  async start(): Promise<boolean> {
    const { signal } = this.#stop;
    const first = this.#fork({ isSpokesman: true });
    const others = Array.from({ length: this.#count - 1 }, () =>
      this.#fork({ mayServe: first.listening }),
    );
    const ending = await Promise.race([first.listening, first.ended]);
    if (signal.aborted) return false;
    if (ending !== undefined) {
      for (const worker of others) worker.kill("SIGKILL");
      throw new WorkerStartError("first", ending);
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

  /**
   * Puts a new process, of the code and the environment as they are now, into the place of each, one
   * after the other: when the new one listens, the old one finishes what it has under way and ends.
   *
   * @param count how many there are to be from now on
   * @returns false when it was closed meanwhile
   * @throws {WorkerStartError} when a new one does not get so far: those before it serve on
   */
  async replace(count: number): Promise<boolean> {
    const { signal } = this.#stop;
    const former = [...this.#running].filter((worker) => !worker.isRetired);
    this.#count = count;
    for (let place = 0; place < count; place++) {
      const old = former[place];
      // Somebody of now has taken its place already.
      if (old?.hasEnded) continue;
      const next = this.#fork({ isSpokesman: place === 0 });
      const cut = setTimeout(() => next.kill("SIGKILL"), this.#times.startTimeoutMs);
      const ending = await Promise.race([next.listening, next.ended]);
      clearTimeout(cut);
      if (signal.aborted) return false;
      if (ending !== undefined) {
        this.#count = former.length;
        throw new WorkerStartError("new", ending);
      }
      if (old?.hasEnded) next.retire(this.#times.stopTimeoutMs);
      else void this.#keepOne(next);
      old?.retire(this.#times.stopTimeoutMs);
    }
    for (const old of former.slice(count)) old.retire(this.#times.stopTimeoutMs);
    return true;
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
  async #keepOne(first: WorkerProcess, onComplete = () => {}): Promise<void> {
    const { signal } = this.#stop;
    for (let worker = first; ; worker = this.#fork()) {
      void worker.listening.then(() => {
        if (this.#countListening() === this.#count) onComplete();
      });
      const { words, ageMs } = await worker.ended;
      if (worker.isRetired) return;
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
  #fork({ mayServe = Promise.resolve(), isSpokesman = false } = {}): WorkerProcess {
    const answer = (question: Question) => this.#answer(question);
    const worker = new WorkerProcess(mayServe, answer, { isSpokesman });
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
    return [...this.#running].filter((one) => one.isListening && !one.isRetired).length;
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
