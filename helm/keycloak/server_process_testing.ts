// For tests: Keycloak's process, started without Helm.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { waitFor } from "@hivematrix/lib/wait_for";

export interface ServerProcessParts {
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  /** Its health endpoint. */
  readonly readyUrl: string;
}

export class ServerProcess {
  readonly lines: string[] = [];
  readonly #parts: ServerProcessParts;
  #child: ChildProcess | undefined;

  constructor(parts: ServerProcessParts) {
    this.#parts = parts;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  async start(): Promise<void> {
    const { command, env, readyUrl } = this.#parts;
    const [program, ...words] = command;
    const child = spawn(program, words, { env, stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    for (const output of [child.stdout, child.stderr]) {
      output.setEncoding("utf8").on("data", (text: string) => {
        this.lines.push(...text.split("\n").filter((line) => line !== ""));
      });
    }
    // A test that fails early must not leave a server behind.
    const end = () => child.kill("SIGKILL");
    process.once("exit", end);
    child.once("exit", () => process.off("exit", end));
    const isReady = async () => {
      if (hasEnded(child)) throw new Error(`Keycloak ended: ${this.lines.slice(-5).join("\n")}`);
      return await fetch(readyUrl).then(
        async (response) => {
          await response.body?.cancel();
          return response.ok;
        },
        () => false,
      );
    };
    await waitFor(isReady, { timeoutMs: 180_000, what: "a ready Keycloak" });
  }

  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || hasEnded(child)) return;
    const exited = once(child, "exit");
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), 15_000);
    await exited;
    clearTimeout(timer);
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
