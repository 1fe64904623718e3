// How Helm has the processes that serve replaced without a gap: it sends SIGUSR2 to the one that keeps
// them, and reads in instance/processes.json what has come of it.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "@hivematrix/lib/env_file";
import type { Log } from "@hivematrix/lib/log";
import { digestSources } from "./own_sources.ts";

/** What has come of a replacement. */
type Outcome =
  /** Every process is a new one. */
  | { readonly outcome: "replaced" }
  /** The one that keeps them would be another one by now, and cannot replace itself. */
  | { readonly outcome: "outdated" }
  | { readonly outcome: "failed"; readonly reason: string };

export interface ReplacementParts {
  /** Nexus's own. */
  readonly folder: string;
  readonly log: Log;
  /** Puts new processes into the places of the old ones. @returns false when all end meanwhile */
  readonly replace: () => Promise<boolean>;
}

/** Replaces all processes as often as it is asked to, one time after the other. */
export class Replacement {
  readonly #parts: ReplacementParts;
  readonly #digest: string;
  readonly #environment: FileEnvironment;
  #count = 0;
  #beginToServe: () => void = () => {};
  #running: Promise<void>;

  /** Takes SIGUSR2 at once: without that, it would end the process. */
  constructor(parts: ReplacementParts) {
    this.#parts = parts;
    this.#digest = this.#digestKeeper();
    this.#environment = new FileEnvironment(parts.folder);
    this.#running = new Promise((resolve) => {
      this.#beginToServe = resolve;
    });
    process.on("SIGUSR2", () => {
      this.#running = this.#running.then(() => this.#run());
    });
  }

  /** From now on there is somebody to replace. */
  offer(): void {
    this.#tell({});
    this.#beginToServe();
  }

  async #run(): Promise<void> {
    const { log } = this.#parts;
    const outcome = await this.#replace().catch(
      (error: Error): Outcome => ({ outcome: "failed", reason: error.message }),
    );
    if (outcome === undefined) return;
    if (outcome.outcome === "failed") log.warn("the processes go on as they were", { ...outcome });
    else log.info("asked to replace the processes", { ...outcome });
    this.#count++;
    this.#tell(outcome);
  }

  async #replace(): Promise<Outcome | undefined> {
    const { replace } = this.#parts;
    if (this.#digestKeeper() !== this.#digest) return { outcome: "outdated" };
    const undo = this.#environment.takeUp();
    try {
      return (await replace()) ? { outcome: "replaced" } : undefined;
    } catch (error) {
      // Whoever takes the place of one that dies is to start with what the others run with.
      undo();
      throw error;
    }
  }

  #digestKeeper(): string {
    const { folder } = this.#parts;
    const files = ["main.ts", "keep_workers.ts"].map((name) => join(folder, name));
    return digestSources(files, join(folder, "../lib"));
  }

  #tell(outcome: Outcome | Record<string, never>): void {
    const instance = join(this.#parts.folder, "instance");
    const file = join(instance, "processes.json");
    const told = { keeper: process.pid, asked: this.#count, ...outcome };
    try {
      mkdirSync(instance, { recursive: true, mode: 0o700 });
      writeFileSync(`${file}.new`, `${JSON.stringify(told)}\n`, { mode: 0o600 });
      renameSync(`${file}.new`, file);
    } catch (error) {
      this.#parts.log.warn("cannot tell Helm of the processes", { file, error });
    }
  }
}

/** What Helm's `.env` has put into the environment that the processes get. */
class FileEnvironment {
  readonly #file: string;
  #names: readonly string[];

  constructor(folder: string) {
    this.#file = join(folder, ".env");
    this.#names = Object.keys(this.#read());
  }

  /** The file counts as it is now. @returns what takes that back @throws {Error} when it cannot be read */
  takeUp(): () => void {
    const [environment, names] = [{ ...process.env }, this.#names];
    const now = this.#read();
    for (const name of names) if (!(name in now)) delete process.env[name];
    Object.assign(process.env, now);
    this.#names = Object.keys(now);
    return () => {
      for (const name of this.#names) delete process.env[name];
      Object.assign(process.env, environment);
      this.#names = names;
    };
  }

  #read(): Record<string, string> {
    try {
      return parseEnv(readFileSync(this.#file, "utf8"));
    } catch (error) {
      // Who is started by hand may have none.
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
      const reason = (error as Error).message;
      throw new Error(`Cannot read ${this.#file}: ${reason}`, { cause: error });
    }
  }
}
