// For the gateway's benchmark: processes, what they cost, and where they listen.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { waitFor } from "@hivematrix/lib/wait_for";

/** Ended in reverse order when the benchmark ends. */
export class Scope {
  readonly #endings: (() => unknown)[] = [];

  after(end: () => unknown): void {
    this.#endings.push(end);
  }

  async end(): Promise<void> {
    for (const end of this.#endings.splice(0).reverse()) await end();
  }
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
}

/** Starts a program that is ended with the scope. */
export function start(
  scope: Scope,
  [program, ...words]: readonly [string, ...string[]],
  { cwd, env = {} }: RunOptions = {},
): ChildProcess {
  const child = spawn(program, words, {
    cwd,
    env: { PATH: process.env["PATH"] ?? "", ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  scope.after(async () => {
    child.kill("SIGTERM");
    const tooLong = setTimeout(() => child.kill("SIGKILL"), 5000);
    await exited;
    clearTimeout(tooLong);
  });
  return child;
}

/** Starts one of our scripts and waits for its `listening on <port>`. */
export async function startScript(
  scope: Scope,
  file: string,
  ...words: string[]
): Promise<{ pid: number; port: number }> {
  const child = start(scope, [process.execPath, "--import", "tsx", file, ...words]);
  let output = "";
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
    output += chunk;
  });
  const port = await waitFor(() => Number(/listening on (\d+)/.exec(output)?.[1] ?? 0), {
    timeoutMs: 20_000,
    what: `${file} to listen`,
  });
  return { pid: child.pid ?? 0, port };
}

export async function waitForPort(port: number): Promise<void> {
  await waitFor(() => canConnect(port), { timeoutMs: 20_000, what: `port ${port} to be open` });
}

async function canConnect(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** The processes with these ids and all that they have started. */
export function withDescendants(pids: readonly number[]): number[] {
  const parents = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), parent: readParent(name) }));
  const found = new Set(pids);
  for (let before = 0; before < found.size; ) {
    before = found.size;
    for (const { pid, parent } of parents) if (found.has(parent)) found.add(pid);
  }
  return [...found];
}

function readParent(pid: string): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return 0;
  }
}

/** CPU time of these processes, all threads, in µs: the kernel's own count, not its 10 ms ticks. */
export function cpuMicroseconds(pids: readonly number[]): number {
  let nanoseconds = 0;
  for (const pid of pids) {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const schedstat = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8");
      nanoseconds += Number(schedstat.split(" ", 1)[0]);
    }
  }
  return nanoseconds / 1000;
}

/** Resident memory of these processes together, in bytes. */
export function residentBytes(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return sum + Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
  }, 0);
}
