import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { TestScope } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { request } from "undici";
import { nodeCommand } from "../../../helm/config/node_command.ts";
import type { CpuAnswer, MemoryAnswer, Question } from "./process_probe.ts";

/** A service as a process of its own, started with the platform's command, that can be asked. */
export interface MeasuredProcess {
  readonly url: string;
  readonly pid: number;
  readonly logFile: string;
  /** From its spawning to the first 200 of /health. */
  readonly startedMs: number;
  /** The time that cores have worked for it until now. */
  cpuMicroseconds(): Promise<number>;
  /** After a collection of garbage. */
  memory(): Promise<MemoryAnswer>;
  stop(): Promise<void>;
}

export interface ProcessOptions {
  readonly folder: string;
  /** Default main.ts. */
  readonly entry?: string;
  readonly port: number;
  readonly env?: Readonly<Record<string, string>>;
}

const probe = pathToFileURL(join(import.meta.dirname, "process_probe.ts")).href;
/** Whatever ends the benchmark, nothing of it stays behind. */
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Resolves when it is healthy. @throws {Error} with its log when it ends before that */
export async function startMeasured(
  scope: TestScope,
  { folder, entry = "main.ts", port, env = {} }: ProcessOptions,
): Promise<MeasuredProcess> {
  const url = `http://127.0.0.1:${port}`;
  const logFolder = mkdtempSync(join(tmpdir(), "hivematrix-bench-log-"));
  scope.after(() => rmSync(logFolder, { recursive: true, force: true }));
  const logFile = join(logFolder, "log");
  // Into a file, as on the platform.
  const log = openSync(logFile, "a");
  const startedAt = performance.now();
  const [node, ...flags] = nodeCommand(basename(folder)).slice(0, -1) as [string, ...string[]];
  const child = spawn(node, [...flags, "--expose-gc", "--import", probe, entry], {
    cwd: folder,
    env: { PATH: process.env["PATH"], TMPDIR: process.env["TMPDIR"], ...env, PORT: String(port) },
    stdio: ["ignore", log, log, "ipc"],
  });
  closeSync(log);
  const exited = once(child, "exit");
  running.add(child);
  const stop = async () => {
    child.kill("SIGKILL");
    await exited;
    running.delete(child);
  };
  scope.after(stop);
  await waitFor(() => isHealthy(child, url, logFile), { timeoutMs: 60_000, what: `${url}/health` });
  return {
    url,
    pid: child.pid ?? 0,
    logFile,
    startedMs: performance.now() - startedAt,
    cpuMicroseconds: async () => (await ask<CpuAnswer>(child, "cpu")).microseconds,
    memory: () => ask<MemoryAnswer>(child, "memory"),
    stop,
  };
}

async function isHealthy(child: ChildProcess, url: string, logFile: string): Promise<boolean> {
  if (child.exitCode !== null) {
    throw new Error(`A measured process ended before it was healthy: ${readFileSync(logFile)}`);
  }
  try {
    const { statusCode, body } = await request(`${url}/health`, { reset: true });
    await body.dump();
    return statusCode === 200;
  } catch {
    return false;
  }
}

async function ask<T>(child: ChildProcess, question: Question): Promise<T> {
  const answered = once(child, "message");
  child.send(question);
  const [answer] = await answered;
  return answer as T;
}
