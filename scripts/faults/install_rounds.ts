// Rounds of operations on an app in which Helm, or what it has started, is killed at a random moment:
// afterwards the platform works, and the app is either wholly there or wholly gone.
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { startTestPostgres, type TestScope } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { createRandom } from "../../core/durability_testing.ts";
import { makeInstallation } from "../../helm/commands/testing.ts";
import type { Checkout } from "../../helm/config/checkout.ts";
import { loadMasterConfig, saveMasterConfig } from "../../helm/config/master_config.ts";
import { runOperation } from "../../helm/control/app_client.ts";
import { connectDaemon } from "../../helm/control/control_client.ts";
import { spawnDaemon } from "../../helm/control/spawn_daemon.ts";
import { type AppRegistry, readAppRegistry } from "../../helm/install/app_registry.ts";
import type { OperationRequest } from "../../helm/install/install_manager.ts";
import { readJournal } from "../../helm/install/journal.ts";
import { findMarked, operationMark } from "../../helm/install/operation_mark.ts";
import { ownRegistryFile } from "../../helm/install/own_registry.ts";
import {
  type AppTraces,
  answering,
  externalPostgres,
  installed,
  makeRepository,
  nothing,
  readTraces,
  type TestRepository,
} from "../../helm/install/testing.ts";
import { afterTest } from "../../helm/testing.ts";

export type Kind = "install" | "update" | "uninstall";

export interface InstallRoundsOptions {
  /** Of each kind. */
  readonly rounds: number;
  readonly seed: number;
  readonly report?: (line: string) => void;
}

export interface InstallFigures {
  readonly seed: number;
  /** Rounds in which Helm was killed with an operation under way, by kind and by how it ended. */
  readonly killed: Record<Kind, { rounds: number; finished: number; undone: number }>;
  /** At which step of the journal. */
  readonly steps: Readonly<Record<string, number>>;
  /** Rounds in which git or install.sh was killed instead, and Helm lived. */
  readonly children: number;
  readonly faults: readonly string[];
}

/** Takes a while, starts what leaves its process group, and says something. */
const script = `#!/bin/sh
mkdir -p instance
echo preparing
(setsid sleep 600 >/dev/null 2>&1 &)
sleep 0.3
echo built here > built
`;

export async function runInstallRounds(
  scope: TestScope,
  { rounds, seed, report = () => {} }: InstallRoundsOptions,
): Promise<InstallFigures> {
  const stage = await Stage.open(scope as TestContext, createRandom(seed));
  for (const kind of ["install", "update", "uninstall"] as const) {
    for (let round = 1; round <= rounds; round++) {
      const before = stage.faults.length;
      const how = await stage.play(kind, round);
      const found = stage.faults.slice(before);
      report(`${kind} ${round}: ${how}: ${found.length === 0 ? "fine" : found.join("; ")}`);
    }
  }
  const { killed, steps, children, faults } = stage;
  return { seed, killed, steps, children, faults };
}

class Stage {
  readonly faults: string[] = [];
  readonly killed: InstallFigures["killed"] = {
    install: { rounds: 0, finished: 0, undone: 0 },
    update: { rounds: 0, finished: 0, undone: 0 },
    uninstall: { rounds: 0, finished: 0, undone: 0 },
  };
  readonly steps: Record<string, number> = {};
  children = 0;
  readonly #checkout: Checkout;
  readonly #registry: AppRegistry;
  readonly #repository: TestRepository;
  readonly #sql: Parameters<typeof readTraces>[0]["sql"];
  readonly #random: () => number;
  #version = 1;
  /** How long each kind takes when nobody is killed. */
  readonly #durations = new Map<Kind, number>();

  private constructor(parts: {
    checkout: Checkout;
    repository: TestRepository;
    sql: Parameters<typeof readTraces>[0]["sql"];
    random: () => number;
  }) {
    this.#checkout = parts.checkout;
    this.#registry = readAppRegistry(undefined, ownRegistryFile(parts.checkout));
    this.#repository = parts.repository;
    this.#sql = parts.sql;
    this.#random = parts.random;
  }

  static async open(scope: TestContext, random: () => number): Promise<Stage> {
    const { url, sql } = await startTestPostgres({ after: (end) => afterTest(scope, end) });
    const repository = await makeRepository(scope, {
      "install.sh": script,
      "main.ts": answering("1"),
    });
    const { checkout } = await makeInstallation(scope);
    const config = await loadMasterConfig(checkout);
    const databases = { postgresql: externalPostgres(new URL(url)) };
    await saveMasterConfig(checkout, { ...config, databases });
    await (await spawnDaemon(checkout, { isDev: false })).wait();
    return new Stage({ checkout, repository, sql, random });
  }

  /** @returns what happened, in words */
  async play(kind: Kind, round: number): Promise<string> {
    await this.#makeReady(kind);
    const request = this.#requestOf(kind, round);
    const killsChild = round % 5 === 0 && kind !== "uninstall";
    // Git and install.sh have their part early on.
    const share = killsChild ? 0.4 : 1;
    const delayMs = this.#random() * (this.#durations.get(kind) ?? 1500) * share;
    const running = this.#run(request);
    await pause(delayMs);
    if (killsChild) return await this.#killChild(kind, running);
    const daemon = await connectDaemon(this.#checkout);
    const journal = await readJournal(this.#checkout, this.#repository.name);
    process.kill(daemon?.pid ?? 0, "SIGKILL");
    await running;
    await (await spawnDaemon(this.#checkout, { isDev: false })).wait();
    await this.#untilRecovered();
    const outcome = await this.#judge(kind, request);
    const step = journal?.step ?? "none";
    this.steps[`${kind}: ${step}`] = (this.steps[`${kind}: ${step}`] ?? 0) + 1;
    const count = this.killed[kind];
    count.rounds++;
    count[outcome]++;
    return `Helm killed after ${Math.round(delayMs)} ms (${step}), ${outcome}`;
  }

  /** Git or install.sh dies; the operation fails by itself, or was past that. */
  async #killChild(kind: Kind, running: Promise<unknown>): Promise<string> {
    const mark = operationMark(this.#checkout, this.#repository.name);
    const find = async () => ((await findMarked(mark)).length > 0 ? findMarked(mark) : undefined);
    const pids = await waitFor(find, { timeoutMs: 1000 }).catch(() => []);
    for (const pid of pids) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended meanwhile.
      }
    }
    await running;
    this.children++;
    const outcome = await this.#judge(kind, this.#requestOf(kind, 0));
    return `${pids.length} children killed, ${outcome}`;
  }

  #requestOf(kind: Kind, round: number): OperationRequest {
    const { name: app, folder } = this.#repository;
    if (kind === "install") return { kind, target: folder };
    // Every other time with its data, so that both ways are tried.
    return kind === "update" ? { kind, app } : { kind, app, deletesData: round % 2 === 0 };
  }

  async #run(request: OperationRequest): Promise<string | undefined> {
    return await runOperation(this.#checkout, request, () => {}).then(
      (status) => status.error,
      (error: Error) => error.message,
    );
  }

  /** What a kind begins with: no app, or an installed one that has something newer to come to. */
  async #makeReady(kind: Kind): Promise<void> {
    const { name: app, folder } = this.#repository;
    const { config } = await this.#traces();
    if (kind === "install") {
      if (config) await this.#must({ kind: "uninstall", app, deletesData: true });
      else if (!same(await this.#traces(), nothing)) {
        await this.#must({ kind: "uninstall", app, deletesData: true });
      }
      return;
    }
    if (!config) await this.#must({ kind: "install", target: folder });
    await writeFile(this.#dataFile(), "precious");
    if (kind === "update") {
      this.#version++;
      await this.#repository.commit({ "main.ts": answering(String(this.#version)) });
    }
  }

  async #must(request: OperationRequest): Promise<void> {
    const startedAt = performance.now();
    const error = await this.#run(request);
    if (error !== undefined) throw new Error(`${request.kind} without a kill: ${error}`);
    if (request.kind === "new") return;
    this.#durations.set(request.kind, performance.now() - startedAt);
    if (request.kind === "install") {
      // Fetching, stopping and starting take longer than an installation.
      this.#durations.set("update", 2 * (performance.now() - startedAt));
    }
  }

  async #untilRecovered(): Promise<void> {
    const isOver = async () =>
      (await readJournal(this.#checkout, this.#repository.name)) === undefined;
    await waitFor(isOver, { timeoutMs: 30_000, what: "the journal to go" }).catch((error: Error) =>
      this.faults.push(error.message),
    );
  }

  /** Everything is there or nothing is, what runs is what is there, and the platform is well. */
  async #judge(kind: Kind, request: OperationRequest): Promise<"finished" | "undone"> {
    const daemon = await connectDaemon(this.#checkout);
    await daemon?.wait().catch((error: Error) => this.faults.push(error.message));
    const traces = await this.#traces();
    const kept = { ...nothing, kept: true, entry: true, role: true, database: true };
    const isThere = same(traces, installed);
    const isGone = same(traces, nothing) || (kind === "uninstall" && same(traces, kept));
    if (!isThere && !isGone) this.faults.push(`half there: ${JSON.stringify(traces)}`);
    if (isThere) await this.#expectAnswer();
    if (kind === "install") return isThere ? "finished" : "undone";
    if (kind === "uninstall") {
      const deletes = request.kind === "uninstall" && request.deletesData === true;
      if (!deletes && isGone && !same(traces, kept)) this.faults.push("its data is gone");
      return isGone ? "finished" : "undone";
    }
    if (!isThere) this.faults.push("an update has removed it");
    if (readFileSync(this.#dataFile(), "utf8") !== "precious") this.faults.push("data lost");
    return (await this.#answer()) === String(this.#version) ? "finished" : "undone";
  }

  async #expectAnswer(): Promise<void> {
    const folder = this.#checkout.appFolder(this.#repository.name);
    const text = readFileSync(join(folder, "main.ts"), "utf8");
    const answer = await this.#answer();
    if (!text.includes(`"${answer}"`)) this.faults.push(`${answer} runs, another version is there`);
  }

  async #answer(): Promise<string> {
    const { apps } = await loadMasterConfig(this.#checkout);
    const url = `http://127.0.0.1:${apps[this.#repository.name]?.port}/`;
    return await fetch(url).then(
      (response) => response.text(),
      (error: Error) => `nobody answers (${error.message})`,
    );
  }

  async #traces(): Promise<AppTraces> {
    const parts = { checkout: this.#checkout, registry: this.#registry, sql: this.#sql };
    return await readTraces(parts, this.#repository.name);
  }

  #dataFile(): string {
    return join(this.#checkout.appFolder(this.#repository.name), "instance", "data.txt");
  }
}

function same(a: object, b: object): boolean {
  return JSON.stringify(a) === JSON.stringify({ ...a, ...b });
}
