import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Checkout } from "../config/checkout.ts";
import { compiledCommand, nodeCommand } from "../config/node_command.ts";
import { endOfLog, readReason } from "../services/service_log.ts";
import { compileProgram, SourceError } from "./compiled_daemon.ts";
import { type ControlClient, connectDaemon } from "./control_client.ts";
import { logFile } from "./log_tail.ts";

const startLimitMs = 60_000;

export type DaemonCommand = readonly [string, ...string[]];

/**
 * Compiles the daemon. What keeps that from being done is no reason not to start it, from its sources
 * then, except where these are wrong.
 *
 * @returns how it is started
 * @throws {Error} naming the place in the sources that is wrong
 */
export async function prepareDaemon({ helmFolder, daemonFile }: Checkout): Promise<DaemonCommand> {
  const output = join(dirname(daemonFile), "daemon.mjs");
  try {
    await compileProgram(join(helmFolder, "main.ts"), output);
    return compiledCommand("helm", output);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof SourceError) {
      throw new Error(`Cannot start helm: ${reason}`, { cause: error });
    }
    process.stderr.write(`Helm runs from its sources, which takes 30 MB more: ${reason}\n`);
    return nodeCommand("helm");
  }
}

/**
 * Starts the daemon in a session of its own, so that it outlives the terminal; returns when it takes
 * commands. Services may still be starting.
 *
 * @param command from `prepareDaemon`, where there was a reason to prepare it earlier
 * @throws {Error} with the daemon's own last words when it does not start
 */
export async function spawnDaemon(
  checkout: Checkout,
  { isDev, command }: { isDev: boolean; command?: DaemonCommand },
): Promise<ControlClient> {
  const file = logFile(checkout.logDir, "helm");
  mkdirSync(checkout.logDir, { recursive: true, mode: 0o700 });
  const prepared = command ?? (await prepareDaemon(checkout));
  const logStart = await endOfLog(file);
  const child = spawnDetached(checkout, prepared, file, isDev);
  let ending = "";
  child.on("error", (error) => {
    ending = error.message;
  });
  child.on("exit", (status, signal) => {
    ending = signal === null ? `exit status ${status}` : `killed by ${signal}`;
  });
  const deadline = performance.now() + startLimitMs;
  while (ending === "" && performance.now() < deadline) {
    const client = await connectDaemon(checkout);
    if (client !== undefined && client.pid === child.pid) {
      child.unref();
      return client;
    }
    await pause(25);
  }
  const why = ending || `it is not ready after ${startLimitMs / 1000} s`;
  child.kill("SIGKILL");
  const reason = (await readReason(file, logStart)) ?? why;
  const isWhole = reason.startsWith("Cannot ");
  throw new Error(isWhole ? reason : `Cannot start helm: ${reason}`);
}

function spawnDetached(
  checkout: Checkout,
  [program, ...words]: DaemonCommand,
  file: string,
  isDev: boolean,
): ChildProcess {
  const log = openSync(file, "a", 0o600);
  try {
    return spawn(program, [...words, ...(isDev ? ["--dev"] : [])], {
      cwd: checkout.helmFolder,
      env: plainEnvironment(),
      detached: true,
      stdio: ["ignore", log, log],
    });
  } finally {
    closeSync(log);
  }
}

/** The daemon's settings are in files; what a shell happens to export must not change them. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const names = ["PATH", "HOME", "LANG", "TZ", "TMPDIR", "JAVA_HOME"];
  return Object.fromEntries(names.map((name) => [name, process.env[name]]));
}
