import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Checkout } from "../config/checkout.ts";
import { compiledCommand, nodeCommand } from "../config/node_command.ts";
import { endOfLog, readReason } from "../services/service_log.ts";
import { compileProgram } from "./compiled_daemon.ts";
import { type ControlClient, connectDaemon } from "./control_client.ts";
import { logFile } from "./log_tail.ts";

const startLimitMs = 60_000;

/**
 * Starts the daemon in a session of its own, so that it outlives the terminal; returns when it takes
 * commands. Services may still be starting.
 *
 * @throws {Error} with the daemon's own last words when it does not start
 */
export async function spawnDaemon(
  checkout: Checkout,
  { isDev }: { isDev: boolean },
): Promise<ControlClient> {
  const file = logFile(checkout.logDir, "helm");
  mkdirSync(checkout.logDir, { recursive: true, mode: 0o700 });
  const command = await compileOrRunSources(checkout);
  const logStart = await endOfLog(file);
  const child = spawnDetached(checkout, command, file, isDev);
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

/** What is wrong with a source, the daemon says best itself; all else is no reason not to start it. */
async function compileOrRunSources({
  helmFolder,
  daemonFile,
}: Checkout): Promise<readonly [string, ...string[]]> {
  const output = join(dirname(daemonFile), "daemon.mjs");
  try {
    await compileProgram(join(helmFolder, "main.ts"), output);
    return compiledCommand("helm", output);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`Helm runs from its sources, which takes 30 MB more: ${reason}\n`);
    return nodeCommand("helm");
  }
}

function spawnDetached(
  checkout: Checkout,
  [program, ...words]: readonly [string, ...string[]],
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
