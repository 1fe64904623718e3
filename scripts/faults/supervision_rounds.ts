// Rounds of start, kill -9 at a random moment, start and stop of a Helm with small services: which
// processes run is counted after each step.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { findFreePort } from "@hivematrix/lib/postgres_testing";
import type { TestScope } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import {
  answering,
  draining,
  type GivenService,
  markOf,
  service,
} from "../../helm/services/testing.ts";

const helmProgram = join(import.meta.dirname, "../../helm/services/testing_manager.ts");

export interface RoundsOptions {
  readonly rounds: number;
  readonly random?: () => number;
  readonly report?: (text: string) => void;
}

export interface RoundsFigures {
  readonly rounds: number;
  /** Killed before the services were ready, after, and while one was restarted. */
  readonly kills: { starting: number; idle: number; restarting: number };
  /** What was not as it should be. */
  readonly faults: readonly string[];
}

export async function runSupervisionRounds(
  scope: TestScope,
  { rounds, random = Math.random, report = () => {} }: RoundsOptions,
): Promise<RoundsFigures> {
  const folder = await mkdtemp(join(tmpdir(), "hivematrix-supervision-"));
  scope.after(() => rm(folder, { recursive: true, force: true, maxRetries: 20 }));
  const stage = new Stage(scope, folder, await makeServices());
  const kills = { starting: 0, idle: 0, restarting: 0 };
  for (let round = 1; round <= rounds; round++) {
    const kind = (["starting", "idle", "restarting"] as const)[round % 3] ?? "idle";
    kills[kind]++;
    const before = stage.faults.length;
    await playRound(stage, kind, random);
    const found = stage.faults.slice(before);
    report(`round ${round} (${kind}): ${found.length === 0 ? "fine" : found.join("; ")}`);
  }
  return { rounds, kills, faults: stage.faults };
}

async function playRound(
  stage: Stage,
  kind: keyof RoundsFigures["kills"],
  random: () => number,
): Promise<void> {
  const first = await stage.startHelm();
  if (kind !== "starting") await first.until("ready");
  if (kind === "restarting") first.tell("restart web");
  await new Promise((resolve) => setTimeout(resolve, random() * (kind === "idle" ? 100 : 1000)));
  const pids = stage.readPids();
  await first.kill();

  const next = await stage.startHelm();
  await next.until("ready");
  await stage.expectCopies(1, `after a kill while ${kind}`);
  if (kind === "idle") stage.expectSame(pids, stage.readPids());
  await stage.expectAnswer();
  next.tell("down");
  await next.untilEnd();
  await stage.expectCopies(0, "after the stop");
  stage.expectNoRunFiles();
}

/** One with children, one that takes a while and is told twice to end, one that can run twice. */
async function makeServices(): Promise<GivenService[]> {
  const port = await findFreePort();
  const child = `require("child_process").spawn("sleep", ["60000${port}"]);`;
  const base = await service("base", `${child} ${answering}`, { port });
  const slow = await service("slow", `setTimeout(() => { ${answering} }, 150);`);
  const web = await service("web", draining, { dependencies: ["base"] });
  return [base, slow, { ...web, canRunTwice: true }];
}

class Stage {
  readonly faults: string[] = [];
  readonly #scope: TestScope;
  readonly #folder: string;
  readonly #services: readonly GivenService[];

  constructor(scope: TestScope, folder: string, services: readonly GivenService[]) {
    this.#scope = scope;
    this.#folder = folder;
    this.#services = services;
  }

  async startHelm() {
    const child = spawn(process.execPath, ["--import", "tsx", helmProgram, this.#folder], {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, SERVICES: JSON.stringify(this.#services) },
    });
    this.#scope.after(() => child.kill("SIGKILL"));
    const ended = once(child, "exit");
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.stdin.on("error", () => {});
    const until = (word: string) =>
      waitFor(() => output.includes(word), { timeoutMs: 30_000, what: `"${word}" of Helm` });
    await until("starting");
    return {
      until,
      tell: (command: string) => child.stdin.write(`${command}\n`),
      untilEnd: () =>
        waitFor(() => child.exitCode !== null, { timeoutMs: 30_000, what: "its end" }),
      async kill() {
        child.kill("SIGKILL");
        await ended;
      },
    };
  }

  /** By service; what is there while a Helm is killed in its start may be less. */
  readPids(): Map<string, number> {
    const pids = new Map<string, number>();
    for (const file of this.#runFiles()) {
      const text = readFileSync(join(this.#folder, "run", file), "utf8");
      pids.set(file, (JSON.parse(text) as { pid: number }).pid);
    }
    return pids;
  }

  expectSame(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): void {
    for (const [file, pid] of before) {
      if (after.get(file) !== pid) this.faults.push(`${file}: ${pid} was not taken over`);
    }
  }

  /** Processes end a moment after they were told; a stand-in that is there may be. */
  async expectCopies(expected: number, when: string): Promise<void> {
    let counted: number[] = [];
    const isRight = async () => {
      counted = await this.#countCopies();
      return counted.every((count) => count === expected);
    };
    await waitFor(isRight, { timeoutMs: 15_000 }).catch(() => {
      this.faults.push(`${when}: ${counted.join(", ")} processes instead of ${expected} each`);
    });
  }

  /** The service that is restarted answers where it is said to be. */
  async expectAnswer(): Promise<void> {
    const web = this.#services.find(({ name }) => name === "web");
    const file = join(this.#folder, "addresses.json");
    const addresses = JSON.parse(tryRead(file) ?? "{}") as Record<string, number>;
    const answer = await fetch(`http://127.0.0.1:${addresses["web"] ?? web?.port}/`).catch(
      (error: Error) => error,
    );
    if (answer instanceof Error) this.faults.push(`web does not answer: ${answer.cause}`);
  }

  expectNoRunFiles(): void {
    const left = this.#runFiles();
    if (left.length > 0) this.faults.push(`run files are left: ${left.join(", ")}`);
  }

  #runFiles(): string[] {
    const files = readdirSync(join(this.#folder, "run"), { recursive: true, encoding: "utf8" });
    return files.filter((file) => file.endsWith(".json"));
  }

  /** Of each service, and of the child of the first. */
  async #countCopies(): Promise<number[]> {
    const { stdout } = await promisify(execFile)("ps", ["-A", "-ww", "-o", "stat=", "-o", "args="]);
    const living = stdout.split("\n").filter((line) => !line.startsWith("Z"));
    const marks = this.#services.map(({ name, port }) => markOf(name, port));
    const child = `sleep 60000${this.#services[0]?.port}`;
    return [...marks, child].map((mark) => living.filter((line) => line.endsWith(mark)).length);
  }
}

function tryRead(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
