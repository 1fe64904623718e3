import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, statSync } from "node:fs";
import path from "node:path";
import type { Writable } from "node:stream";
import { pollUntil } from "./pause.ts";
import { ageSeconds } from "./process_age.ts";
import { endGroup, signalGroup, signalProcess } from "./process_group.ts";
import { readProcess } from "./process_table.ts";
import { isSameProcess, type RunRecord, removeRunFile, writeRunFile } from "./run_file.ts";
import type { Command, ServiceDefinition } from "./service_definition.ts";
import { settingsFingerprint } from "./settings_fingerprint.ts";
import { endStrays, markOfRun } from "./strays.ts";

export interface ProcessPlace {
  readonly name: string;
  readonly runDir: string;
  readonly logFile: string;
}

/** How a process ended, in words; empty while it runs. */
type Ending = { words: string };

/**
 * One running process of a service, started by this Helm or by a former one. It is the leader of a
 * process group of its own, writes to its log file directly and so survives Helm.
 */
export class ManagedProcess {
  readonly pid: number;
  readonly startedAt: Date;
  /** Aborted when the process is gone. */
  readonly gone: AbortSignal;
  #record: RunRecord;
  readonly #place: ProcessPlace;
  readonly #ending: Ending;
  readonly #release: () => void;

  constructor(parts: {
    record: RunRecord;
    place: ProcessPlace;
    gone: AbortSignal;
    ending: Ending;
    release: () => void;
  }) {
    this.pid = parts.record.pid;
    this.startedAt = new Date(parts.record.startedAt);
    this.gone = parts.gone;
    this.#record = parts.record;
    this.#place = parts.place;
    this.#ending = parts.ending;
    this.#release = parts.release;
  }

  /** Since it was started, whatever the wall clock has been set to meanwhile. */
  get ageSeconds(): number {
    return ageSeconds(this.#record);
  }

  /** Of the settings that it runs with; a Helm of long ago has not noted them. */
  get settings(): string | undefined {
    return this.#record.settings;
  }

  /** Whether others are told to go to it, where it is a stand-in. */
  get isServing(): boolean {
    return this.#record.isServing ?? false;
  }

  async noteServing(isServing: boolean): Promise<void> {
    await this.#note({ isServing });
  }

  /** It runs with other settings by now than those that it was started with. */
  async noteSettings(settings: string): Promise<void> {
    await this.#note({ settings });
  }

  async #note(change: Partial<RunRecord>): Promise<void> {
    const record = { ...this.#record, ...change };
    await writeRunFile(this.#place.runDir, this.#place.name, record);
    this.#record = record;
  }

  /** How it ended: "exit status 1", "killed by SIGKILL". */
  get ending(): string {
    return this.#ending.words;
  }

  /**
   * Ends the process and every member of its group; returns when all are really gone. Also right
   * for a process that died by itself: what it left behind is ended.
   *
   * @param graceMs how long the process may take after `stopSignal` before it is killed
   */
  async end(stopSignal: NodeJS.Signals, graceMs: number): Promise<void> {
    const isGone = async () => !(await isSameProcess(this.#record));
    if (!(await isGone())) {
      signalProcess(this.pid, stopSignal);
      if (!(await pollUntil(isGone, { timeoutMs: graceMs, signal: this.gone }))) {
        signalGroup(this.pid, "SIGKILL");
        await pollUntil(isGone);
      }
    }
    await endGroup(this.pid, Math.min(graceMs, 2000));
    const { run } = this.#record;
    if (run !== undefined) await endStrays(run, Math.min(graceMs, 2000));
    // Where it cannot be removed (a read-only disk), it tells of a process that is gone: harmless.
    await removeRunFile(this.#place.runDir, this.#place.name).catch(() => {});
    this.#release();
  }

  /** Forgets the process and lets it run on: Helm stops, services stay. */
  release(): void {
    this.#release();
  }
}

// Helm may be killed between the start of a process and the note of its pid on disk; the next Helm
// would then start a second one. So the process waits for a line on descriptor 3, which comes after
// the note is written; without Helm it reads an end of file instead and ends. The shell then becomes
// the program: same pid, same start time, nothing left of the shell.
const startWhenNoted = 'read -r _ <&3 && exec 3<&- && exec "$0" "$@"';

/** Starts a service's process. @throws {Error} when it cannot be started at all */
export async function spawnProcess(
  definition: ServiceDefinition,
  place: ProcessPlace,
): Promise<ManagedProcess> {
  const command = await readCommand(definition);
  const run = randomUUID();
  const child = spawnWaiting(definition, command, place.logFile, run);
  const gone = new AbortController();
  const ending: Ending = { words: "" };
  child.on("exit", (status, signal) => {
    ending.words = signal === null ? `exit status ${status}` : `killed by ${signal}`;
    gone.abort();
  });
  try {
    await once(child, "spawn");
    const record = { ...(await recordOf(child, definition)), run };
    await writeRunFile(place.runDir, place.name, record);
    releaseStart(child);
    return new ManagedProcess({
      record,
      place,
      gone: gone.signal,
      ending,
      release: () => child.unref(),
    });
  } catch (error) {
    child.kill("SIGKILL");
    const reason = (error as Error).message;
    throw new Error(`Cannot start ${definition.name}: ${reason}`, { cause: error });
  }
}

/** Takes over the process of a run file; its end is noticed by looking each `pollMs`. */
export function adoptProcess(
  record: RunRecord,
  place: ProcessPlace,
  pollMs: number,
): ManagedProcess {
  const gone = new AbortController();
  const ending: Ending = { words: "" };
  const timer = setInterval(async () => {
    if (await isSameProcess(record)) return;
    clearInterval(timer);
    // Only a parent is told the exit status, and its parent died with the former Helm.
    ending.words = "it ended";
    gone.abort();
  }, pollMs);
  const release = () => clearInterval(timer);
  return new ManagedProcess({ record, place, gone: gone.signal, ending, release });
}

async function readCommand({ command }: ServiceDefinition): Promise<Command> {
  return typeof command === "function" ? await command() : command;
}

function spawnWaiting(
  { name, folder, env, user }: ServiceDefinition,
  command: Command,
  logFile: string,
  run: string,
): ChildProcess {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new Error(`Cannot start ${name}: its folder ${folder} does not exist`);
  }
  mkdirSync(path.dirname(logFile), { recursive: true, mode: 0o700 });
  const log = openSync(logFile, "a", 0o600);
  try {
    return spawn("/bin/sh", ["-c", startWhenNoted, ...command], {
      cwd: folder,
      env: { ...passedOn(), ...env, ...markOfRun(run) },
      detached: true,
      stdio: ["ignore", log, log, "pipe"],
      ...(user !== undefined && process.getuid?.() === 0 ? user : {}),
    });
  } finally {
    closeSync(log);
  }
}

async function recordOf(child: ChildProcess, definition: ServiceDefinition): Promise<RunRecord> {
  const pid = child.pid ?? 0;
  const startTime = (await readProcess(pid))?.startTime;
  if (startTime === undefined) throw new Error(`process ${pid} ended at once`);
  const settings = settingsFingerprint(definition);
  const { port } = definition;
  const startedAt = new Date().toISOString();
  return { pid, startTime, startedAt, settings, ...(port !== undefined && { port }) };
}

function releaseStart(child: ChildProcess): void {
  const pipe = child.stdio[3] as Writable;
  pipe.on("error", () => {}); // Broken when the shell was killed meanwhile; its exit tells.
  pipe.end("\n");
}

/** A service's environment is what Helm wrote for it; only what the machine itself says is added. */
function passedOn(): Record<string, string> {
  const names = ["PATH", "HOME", "LANG", "TZ", "TMPDIR"];
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
