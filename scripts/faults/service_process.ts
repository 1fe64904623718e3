// A service as a process of its own, for tests: to be paused, killed, and started again on its port.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { TestScope } from "@hivematrix/lib/testing";

const startTimeoutMs = 60_000;
const stopTimeoutMs = 3000;

/** The newest lines of a log are what explains a failure. */
const keptLines = 200;

// A test that fails early must not leave a service behind.
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export interface ServiceProcessOptions {
  /** Where its main.ts is. */
  readonly folder: string;
  readonly port: number;
  readonly env?: Readonly<Record<string, string>>;
}

export class ServiceProcess {
  readonly name: string;
  readonly port: number;
  readonly #options: ServiceProcessOptions;
  #child: ChildProcess | undefined;
  #state: "down" | "starting" | "up" | "paused" = "down";
  readonly log: string[] = [];

  constructor(scope: TestScope, name: string, options: ServiceProcessOptions) {
    this.name = name;
    this.port = options.port;
    this.#options = options;
    scope.after(() => this.kill());
  }

  /** @throws {Error} with its log when it does not come to listen */
  async start(): Promise<void> {
    if (this.#state !== "down") return;
    this.#state = "starting";
    const { folder, port, env } = this.#options;
    const child = spawn(process.execPath, ["--import", "tsx", "main.ts"], {
      cwd: folder,
      env: { PATH: process.env["PATH"], ...env, PORT: String(port) },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    running.add(child);
    child.once("exit", () => running.delete(child));
    const isListening = new Promise<void>((resolve, reject) => {
      const fail = (reason: string) =>
        reject(new Error(`${this.name} ${reason}:\n${this.log.join("\n")}`));
      const timer = setTimeout(() => fail("did not come to listen"), startTimeoutMs);
      child.once("exit", () => {
        clearTimeout(timer);
        fail("ended at its start");
      });
      createInterface({ input: child.stdout }).on("line", (line) => {
        this.#keep(line);
        if (!line.includes('"message":"listening"')) return;
        clearTimeout(timer);
        resolve();
      });
    });
    createInterface({ input: child.stderr }).on("line", (line) => this.#keep(line));
    try {
      await isListening;
      if (this.#child === child) this.#state = "up";
    } catch (error) {
      // Killed while it was starting: that is no failure of its own.
      if (child.killed) return;
      await this.kill();
      throw error;
    }
  }

  get isUp(): boolean {
    return this.#state === "up";
  }

  pause(): boolean {
    if (this.#state !== "up") return false;
    this.#state = "paused";
    return this.#child?.kill("SIGSTOP") ?? false;
  }

  resume(): void {
    if (this.#state !== "paused") return;
    this.#child?.kill("SIGCONT");
    this.#state = "up";
  }

  /** Without a word. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** As a supervisor ends it: politely, and then not. */
  async stop(): Promise<void> {
    this.resume();
    const impatience = setTimeout(() => void this.kill(), stopTimeoutMs);
    await this.#end("SIGTERM");
    clearTimeout(impatience);
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const isGone = child.exitCode !== null || child.signalCode !== null;
    const exited = isGone ? undefined : once(child, "exit");
    child.kill(signal);
    await exited;
    if (this.#child !== child) return;
    this.#child = undefined;
    this.#state = "down";
  }

  #keep(line: string): void {
    this.log.push(`${Math.round(performance.now())} ${line}`);
    if (this.log.length > keptLines) this.log.shift();
  }
}
