import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "@hivematrix/lib/log";
import postgres from "postgres";
import { leaseMs, marginMs } from "./revocation_feed.ts";
import { acknowledgementChannel, revocationChannel } from "./revocation_notice.ts";

/** How often a Core shows that it lives. */
const renewMs = 500;

/** A renewal counts from when it was sent; no lease is granted on an older one. */
const renewalValidMs = 1000;

/** After a renewal no lease that was granted on it runs for longer. */
export const trustedMs = renewalValidMs + leaseMs + marginMs;

export interface CoreInstanceOptions {
  readonly log: Log;
  /** Resolves when the tables are there. */
  readonly ready: () => Promise<void>;
  /** Another Core's notice or acknowledgement. */
  readonly onMessage: (channel: string, payload: string) => void;
  /** The connection was lost, so notices may have been missed. */
  readonly onLost: () => void;
  /** Milliseconds on a clock that never goes back. */
  readonly now?: () => number;
}

/** What this Core has seen of another one's row. */
export interface Sighting {
  readonly renewals: string;
  /** When that value was first seen, on this Core's clock. */
  readonly sinceMs: number;
}

/**
 * This Core's row among the Cores that share a database, and the one connection on which it listens
 * and counts on. A lost connection is a new instance: what was said meanwhile, it has not heard.
 */
export class CoreInstance {
  readonly #options: CoreInstanceOptions;
  readonly #now: () => number;
  readonly #sql: postgres.Sql;
  readonly #sightings = new Map<string, Sighting>();
  /** This process's instances, and when it ceased to be one of them. */
  readonly #ownIds = new Map<string, number | undefined>();
  #id: string | undefined;
  #renewedAt = Number.NEGATIVE_INFINITY;
  #isClosed = false;
  readonly #done: Promise<void>;

  constructor(connectionString: string, options: CoreInstanceOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#sql = postgres(connectionString, {
      max: 1,
      max_lifetime: null,
      connect_timeout: 5,
      fetch_types: false,
      backoff: () => 0.1,
      onnotice: () => {},
      connection: { application_name: "hivematrix core instance" },
      // postgres.js hands on what its own `listen` uses; that one would listen again in silence
      // after a lost connection, and what was said meanwhile would be missed.
      ...{ onnotify: (channel: string, payload: string) => this.#hear(channel, payload) },
      onclose: () => this.#lose(),
    });
    this.#done = this.#run();
  }

  /** `undefined` while this Core is not among the listening ones. */
  get id(): string | undefined {
    return this.#id;
  }

  get mayGrant(): boolean {
    return this.#id !== undefined && this.#now() - this.#renewedAt < renewalValidMs;
  }

  /** What is known of the other instances' rows. */
  get sightings(): ReadonlyMap<string, Sighting> {
    return this.#sightings;
  }

  isOwn(id: string): boolean {
    return this.#ownIds.has(id);
  }

  /** @param isTrusted a gateway may trust this Core still, so its row has to be waited out */
  async close({ isTrusted }: { isTrusted: boolean }): Promise<void> {
    this.#isClosed = true;
    const id = this.#id;
    this.#id = undefined;
    if (id !== undefined && !isTrusted) await this.#remove(id).catch(() => {});
    await this.#sql.end({ timeout: 1 });
    await this.#done;
  }

  async #run(): Promise<void> {
    let isTold = false;
    while (!this.#isClosed) {
      try {
        if (this.#id === undefined) await this.#register();
        else await this.#renew(this.#id);
        isTold = false;
      } catch (error) {
        // Once for each time that PostgreSQL is away, not for each attempt.
        if (!this.#isClosed && !isTold) {
          this.#options.log.warn("this Core cannot show that it lives at the moment", { error });
        }
        isTold = true;
        this.#lose();
      }
      await sleep(this.#id === undefined ? 200 : renewMs, undefined, { ref: false });
    }
  }

  /**
   * Listens first: from the moment that the row is there, others count on its being heard. The
   * connection is marked in the same message, so that the row is made on no other.
   */
  async #register(): Promise<void> {
    await this.#options.ready();
    const id = randomUUID();
    this.#id = id;
    this.#ownIds.set(id, undefined);
    await this.#sql.unsafe(
      `listen ${revocationChannel}; listen ${acknowledgementChannel};
       select set_config('hivematrix.instance', '${id}', false)`,
    );
    await this.#sql`
      insert into core_instances (id)
      select ${id} where current_setting('hivematrix.instance', true) = ${id}`;
    // The row must survive a crash of PostgreSQL; the counting need not, and costs no disk then.
    await this.#sql`set synchronous_commit = off`;
    await this.#renew(id);
  }

  /** By the connection's own setting: one that was made anew, and hears nothing, renews nothing. */
  async #renew(id: string): Promise<void> {
    const sentAt = this.#now();
    const rows = await this.#sql<InstanceRow[]>`
      with renewed as (
        update core_instances set renewals = renewals + 1
        where id = ${id} and id = current_setting('hivematrix.instance', true)
        returning id
      )
      select core_instances.id, renewals::text, renewed.id is not null as is_own
      from core_instances left join renewed using (id)`;
    this.note(rows);
    if (!rows.some(({ is_own }) => is_own))
      throw new Error("its row is gone: another took it for dead");
    if (this.#id !== id) throw new Error("its connection was lost");
    this.#renewedAt = sentAt;
    await this.#removeFormer();
  }

  /** Takes in rows as they were read just now. */
  note(rows: readonly { readonly id: string; readonly renewals: string }[]): void {
    const now = this.#now();
    const ids = new Set(rows.map(({ id }) => id));
    for (const id of this.#sightings.keys()) if (!ids.has(id)) this.#sightings.delete(id);
    for (const { id, renewals } of rows) {
      if (this.#sightings.get(id)?.renewals === renewals) continue;
      this.#sightings.set(id, { renewals, sinceMs: now });
    }
  }

  #hear(channel: string, payload: string): void {
    if (this.#id !== undefined) this.#options.onMessage(channel, payload);
  }

  #lose(): void {
    if (this.#id === undefined) return;
    this.#ownIds.set(this.#id, this.#now());
    this.#id = undefined;
    this.#renewedAt = Number.NEGATIVE_INFINITY;
    this.#options.onLost();
  }

  /** Whom this process was before, once no lease of that time can run any more. */
  async #removeFormer(): Promise<void> {
    for (const [id, lostAt] of this.#ownIds) {
      if (lostAt === undefined || this.#now() - lostAt < leaseMs + marginMs) continue;
      await this.#remove(id);
      this.#ownIds.delete(id);
    }
  }

  async #remove(id: string): Promise<void> {
    await this.#sql`delete from core_instances where id = ${id}`;
  }
}

interface InstanceRow {
  readonly id: string;
  readonly renewals: string;
  readonly is_own: boolean;
}
