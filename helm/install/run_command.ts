// Git and install scripts as child processes: a process group of its own each, with a time limit, no
// secrets of Helm's in the environment, and a mark by which a later Helm finds what is left of them.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { endGroup } from "../services/process_group.ts";

export interface CommandOptions {
  readonly folder: string;
  /** Beside what every child gets. */
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Each line of both outputs, as it comes. */
  readonly onLine?: (line: string) => void;
  /** Ends it early. */
  readonly signal?: AbortSignal;
  /** For which operation it runs (`operationMark`). */
  readonly mark?: string;
}

/** What a command left behind, when it did not end well. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  /** The end of its output. */
  readonly lines: readonly string[];

  constructor(message: string, lines: readonly string[]) {
    super(message);
    this.lines = lines;
  }
}

/** The variable that holds the mark; children of children have it too. */
export const markVariable = "HIVEMATRIX_OPERATION";

const passedOn = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER", "SSH_AUTH_SOCK"];
/** For an installation behind a proxy, or with a mirror of its package registry. */
const network =
  /^(https?_proxy|no_proxy|all_proxy|(npm_config|pip|uv|git_ssl|ssl_cert|node_extra_ca)_\w+)$/i;
const keptLines = 40;
/** Of what is returned; an install script may talk for half an hour. */
const maxOutputLines = 20_000;
const endGraceMs = 2000;

/**
 * Runs a program to its end; nothing of its group is left then.
 *
 * @returns its standard output, without what `onLine` has been told of the other one
 * @throws {CommandError} with the end of its output, when it fails or takes too long
 */
export async function runCommand(
  program: string,
  words: readonly string[],
  { folder, env = {}, timeoutMs, onLine = () => {}, signal, mark }: CommandOptions,
): Promise<string> {
  signal?.throwIfAborted();
  const child = spawn(program, words, {
    cwd: folder,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...plainEnvironment(), ...env, ...(mark !== undefined && { [markVariable]: mark }) },
  });
  const last: string[] = [];
  const output: string[] = [];
  const take = (line: string) => {
    last.push(line);
    if (last.length > keptLines) last.shift();
    onLine(line);
  };
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (output.length < maxOutputLines) output.push(line);
    take(line);
  });
  createInterface({ input: child.stderr }).on("line", take);
  let why = "";
  const end = (reason: string) => {
    why ||= reason;
    if (child.pid !== undefined) void endGroup(child.pid, endGraceMs);
  };
  const timer = setTimeout(() => end(`took longer than ${timeoutMs / 1000} s`), timeoutMs);
  const abort = () => end("was ended");
  signal?.addEventListener("abort", abort, { once: true });
  try {
    const ending = await untilClosed(child);
    if (why !== "" || ending !== "") throw new CommandError(why || ending, last);
    return output.join("\n");
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
    if (child.pid !== undefined) await endGroup(child.pid, endGraceMs);
  }
}

/** Without what Helm or its caller have in theirs: an install script is somebody else's code. */
function plainEnvironment(): Record<string, string> {
  const entries = Object.entries(process.env).filter(([name, value]) => {
    return value !== undefined && (passedOn.includes(name) || network.test(name));
  });
  return Object.fromEntries(entries) as Record<string, string>;
}

/** @returns how it ended, in words; empty when it ended well */
async function untilClosed(child: ReturnType<typeof spawn>): Promise<string> {
  return await new Promise((resolve) => {
    child.once("error", (error) => resolve(`cannot be run: ${error.message}`));
    // "exit" comes before the last output, "close" waits for whoever else holds the pipe.
    child.once("exit", () => {
      setTimeout(() => {
        child.stdout?.destroy();
        child.stderr?.destroy();
      }, endGraceMs).unref();
    });
    child.once("close", (status, signal) => {
      if (signal !== null) resolve(`was killed by ${signal}`);
      else resolve(status === 0 ? "" : `ended with status ${status}`);
    });
  });
}
