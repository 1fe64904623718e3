import { readdirSync } from "node:fs";
import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "@hivematrix/lib/database";
import { HttpError } from "@hivematrix/lib/http_error";
import type { Log } from "@hivematrix/lib/log";
import type { Checkout } from "../config/checkout.ts";
import type { MasterConfig } from "../config/master_config.ts";
import type { HelmDatabase } from "../store/helm_database.ts";
import { LogChain } from "./log_chain.ts";
import { LogFollower } from "./log_follower.ts";
import { readLogHeads, writeLogHeads } from "./log_heads.ts";
import type { LogQuery } from "./log_query.ts";
import { prune, readRetention } from "./retention.ts";
import { type FoundPage, searchStored } from "./stored_search.ts";
import { ensureTextIndex } from "./text_index.ts";

const schemaFile = `${import.meta.dirname}/schema.sql`;

/** How long a search waits for what is still to be stored. */
const freshWithinMs = 300;
const retryAfterMs = 2000;
const pruneEveryMs = 60_000;
/** Lines that are taken out of the database sooner after their storing are not missed. */
const defaultHeadsEveryMs = 10_000;
/** Then there is something else to do too, however fast the services write. */
const maxRounds = 200;

/** What it needs to know of the installation; the configuration is the newest one. */
export interface LoggedPlatform {
  readonly config: Pick<MasterConfig, "apps" | "system" | "databases">;
  readonly checkout: Pick<Checkout, "logDir">;
}

/**
 * What all services have logged, in Helm's database. It follows their files for as long as Helm runs
 * and the database is there; what is written meanwhile is in the files, from which it catches up.
 */
export class LogStore {
  readonly #platform: LoggedPlatform;
  readonly #log: Log;
  readonly #lookEveryMs: number;
  readonly #headsEveryMs: number;
  readonly #chain: LogChain;
  readonly #closing = new AbortController();
  readonly #followers = new Map<string, LogFollower>();
  #sql: Sql | undefined;
  #isAway = false;
  #hasTextIndex = false;
  #nextPruneMs = 0;
  #nextHeadsMs = 0;
  #storing: Promise<void> | undefined;
  #running: Promise<void> | undefined;

  constructor(
    platform: LoggedPlatform,
    log: Log,
    {
      lookEveryMs = 2000,
      headsEveryMs = defaultHeadsEveryMs,
    }: { lookEveryMs?: number; headsEveryMs?: number } = {},
  ) {
    this.#platform = platform;
    this.#log = log;
    this.#lookEveryMs = lookEveryMs;
    this.#headsEveryMs = headsEveryMs;
    this.#chain = new LogChain(platform.config.system.secret_key);
  }

  /** Begins to follow the files, once the database is there. */
  start(database: Pick<HelmDatabase, "open">): void {
    this.#running ??= this.#run(database).catch((error: unknown) => {
      if (!this.#closing.signal.aborted) this.#log.error("cannot store logs", { error });
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    // Until it is there, the database is waited for, and its own end ends that.
    if (this.#sql === undefined) return;
    await this.#running;
    await this.#rememberHeads().catch((error: unknown) => {
      this.#log.warn("cannot remember where the chains of the logs end", { error });
    });
  }

  /** Whether what is written comes into the database soon. */
  get isStoring(): boolean {
    return this.#sql !== undefined && !this.#isAway;
  }

  /**
   * Also what was written a moment ago, unless there is much of it.
   *
   * @throws {HttpError} 503 until the database is there; what the database throws while it is away
   */
  async search(query: LogQuery): Promise<FoundPage> {
    const sql = this.#database();
    const { signal } = this.#closing;
    await Promise.race([
      this.#storeNew(sql).catch(() => {}),
      sleep(freshWithinMs, undefined, { signal }).catch(() => {}),
    ]);
    return await searchStored(sql, query, { hasTextIndex: this.#hasTextIndex });
  }

  #database(): Sql {
    if (this.#sql !== undefined) return this.#sql;
    throw new HttpError(503, "Cannot search the logs: Helm's database is not there yet", {
      headers: { "retry-after": "2" },
    });
  }

  async #run(database: Pick<HelmDatabase, "open">): Promise<void> {
    const log = this.#log;
    const { signal } = this.#closing;
    const sql = await database.open(schemaFile);
    if (sql === undefined || signal.aborted) return;
    this.#hasTextIndex = await ensureTextIndex(sql, log);
    this.#sql = sql;
    while (!signal.aborted) {
      let pauseMs = this.#lookEveryMs;
      try {
        await this.#storeNew(sql);
        await this.#keepHouse(sql);
        if (this.#isAway) log.info("logs are stored again");
        this.#isAway = false;
      } catch (error) {
        if (!this.#isAway && !signal.aborted)
          log.warn("logs stay in their files for now", { error });
        this.#isAway = true;
        pauseMs = retryAfterMs;
      }
      await sleep(pauseMs, undefined, { signal }).catch(() => {});
    }
  }

  /** One at a time; whoever comes meanwhile waits for the one that is under way. */
  async #storeNew(sql: Sql): Promise<void> {
    this.#storing ??= this.#storePieces(sql).finally(() => {
      this.#storing = undefined;
    });
    await this.#storing;
  }

  /** A piece of each in turn, so that nobody waits for the end of another's flood. */
  async #storePieces(sql: Sql): Promise<void> {
    let waiting = this.#findLogs();
    for (let round = 0; round < maxRounds && waiting.length > 0; round++) {
      if (this.#closing.signal.aborted) return;
      const unfinished: LogFollower[] = [];
      for (const follower of waiting) {
        if (await follower.storeNext(sql)) unfinished.push(follower);
      }
      waiting = unfinished;
      // Counting a flood waits for nothing; Helm has other things to do.
      await setImmediate();
    }
  }

  #findLogs(): LogFollower[] {
    const { logDir } = this.#platform.checkout;
    for (const service of listLogs(logDir)) {
      if (this.#followers.has(service)) continue;
      this.#followers.set(service, new LogFollower(service, { logDir, chain: this.#chain }));
    }
    return [...this.#followers.values()];
  }

  async #keepHouse(sql: Sql): Promise<void> {
    const nowMs = performance.now();
    if (nowMs >= this.#nextPruneMs) {
      this.#nextPruneMs = nowMs + pruneEveryMs;
      await prune(sql, this.#chain, readRetention(this.#platform.config));
    }
    if (nowMs >= this.#nextHeadsMs) {
      this.#nextHeadsMs = nowMs + this.#headsEveryMs;
      await this.#rememberHeads();
    }
  }

  /** For those that have not been read in this run, what is remembered still holds. */
  async #rememberHeads(): Promise<void> {
    const { logDir } = this.#platform.checkout;
    const heads = [...this.#followers.values()].flatMap(({ service, head }) =>
      head === undefined
        ? []
        : [[service, { number: head.number, hash: head.hash.toString("hex") }]],
    );
    if (heads.length === 0) return;
    const before = await readLogHeads(logDir);
    await writeLogHeads(logDir, { ...before, ...Object.fromEntries(heads) });
  }
}

function listLogs(logDir: string): string[] {
  try {
    return readdirSync(logDir).flatMap((file) => /^([a-z0-9_-]+)\.log$/.exec(file)?.[1] ?? []);
  } catch {
    // Nothing has been written yet.
    return [];
  }
}
