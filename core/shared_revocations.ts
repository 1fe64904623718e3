import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "@hivematrix/lib/database";
import { HttpError } from "@hivematrix/lib/http_error";
import type { Log } from "@hivematrix/lib/log";
import { type CoreInstance, trustedMs } from "./core_instance.ts";
import type { RevocationFeeds } from "./revocation_feeds.ts";
import {
  acknowledgementChannel,
  listNotices,
  readRevocationNotice,
  revocationChannel,
} from "./revocation_notice.ts";
import type { Revocation, Revocations } from "./revocations.ts";

/** Whoever counts on and never acknowledges is broken, and the caller has to know. */
const patienceMs = 10_000;

/** How often the other instances' rows are read while one of them is waited for. */
const lookMs = 200;

export interface SharedRevocationsOptions {
  readonly sql: Sql;
  readonly feeds: RevocationFeeds;
  readonly log: Log;
  /** Milliseconds on a clock that never goes back. */
  readonly now?: () => number;
}

/**
 * The revocations of Cores that share a database: each end is heard by all of them, and answered
 * when the gateways of all of them know. REVOCATION.md says why that is enough.
 */
export class SharedRevocations implements Revocations {
  readonly #sql: Sql;
  readonly #feeds: RevocationFeeds;
  readonly #log: Log;
  readonly #now: () => number;
  readonly #begun = new Map<string, BegunRevocation>();
  #instance: CoreInstance | undefined;

  constructor({ sql, feeds, log, now = () => performance.now() }: SharedRevocationsOptions) {
    this.#sql = sql;
    this.#feeds = feeds;
    this.#log = log;
    this.#now = now;
  }

  /** The instance brings other Cores' messages here, so each of the two needs the other. */
  join(instance: CoreInstance): void {
    this.#instance = instance;
  }

  begin(): Revocation {
    const id = randomUUID();
    const begun: BegunRevocation = { heard: [], isAnnounced: false, acknowledged: new Set() };
    this.#begun.set(id, begun);
    return {
      id,
      announce: async (hashes) => {
        begun.isAnnounced = true;
        const names = listNotices(id, hashes.length);
        await Promise.all([this.#feeds.announce(hashes), this.#othersKnow(names, begun)]);
      },
      close: () => {
        this.#begun.delete(id);
        // The store said that it failed, and yet it is done: our gateways must not be the only
        // ones that never hear of it.
        if (!begun.isAnnounced && begun.heard.length > 0) void this.#feeds.announce(begun.heard);
      },
    };
  }

  /** What the instance's connection hears, of other Cores and of this one. */
  hear(channel: string, payload: string): void {
    if (channel === revocationChannel) this.#hearNotice(payload);
    if (channel === acknowledgementChannel) this.#hearAcknowledgement(payload);
  }

  #hearNotice(payload: string): void {
    const { revocation, name, hashes } = readRevocationNotice(payload);
    const begun = this.#begun.get(revocation);
    if (begun !== undefined) begun.heard.push(...hashes);
    else void this.#pass(name, hashes);
  }

  async #pass(name: string, hashes: readonly string[]): Promise<void> {
    const id = this.#instance?.id;
    try {
      await this.#feeds.announce(hashes);
      if (id === undefined) return;
      await this.#sql`select pg_notify(${acknowledgementChannel}, ${`${name} ${id}`})`;
    } catch (error) {
      // Whoever waits for it gives up in time; the gateways here know.
      this.#log.warn("the end of a session could not be acknowledged", { error });
    }
  }

  #hearAcknowledgement(payload: string): void {
    const revocation = payload.split(":", 1)[0] ?? "";
    this.#begun.get(revocation)?.acknowledged.add(payload);
  }

  /** Resolves when each other instance has acknowledged each notice, or is dead. */
  async #othersKnow(names: readonly string[], begun: BegunRevocation): Promise<void> {
    if (names.length === 0) return;
    const startedAt = this.#now();
    const awaited = new Set((await this.#readRows()).filter((id) => !this.#instance?.isOwn(id)));
    let lookedAt = startedAt;
    for (;;) {
      for (const id of awaited) {
        const knows = names.every((name) => begun.acknowledged.has(`${name} ${id}`));
        if (knows || (await this.#buryIfDead(id))) awaited.delete(id);
      }
      if (awaited.size === 0) return;
      if (this.#now() - startedAt > patienceMs) throw unconfirmed(awaited.size);
      await sleep(2);
      if (this.#now() - lookedAt < lookMs) continue;
      const present = new Set(await this.#readRows());
      lookedAt = this.#now();
      // A row that is gone was that of an instance whom nobody trusts any more.
      for (const id of awaited) if (!present.has(id)) awaited.delete(id);
    }
  }

  /** After a commit: an instance that is not among these began after it. */
  async #readRows(): Promise<string[]> {
    const rows = await this.#query(
      this.#sql<{ id: string; renewals: string }[]>`
        select id, renewals::text from core_instances`,
    );
    this.#instance?.note(rows);
    return rows.map(({ id }) => id);
  }

  /** Only if it has not counted on meanwhile, which the statement itself makes sure of. */
  async #buryIfDead(id: string): Promise<boolean> {
    const sighting = this.#instance?.sightings.get(id);
    if (sighting === undefined || this.#now() - sighting.sinceMs < trustedMs) return false;
    const { count } = await this.#query(
      this.#sql`delete from core_instances where id = ${id} and renewals = ${sighting.renewals}`,
    );
    if (count > 0) this.#log.warn("another Core is gone without a word", { instance: id });
    return count > 0;
  }

  async #query<T>(query: PromiseLike<T>): Promise<T> {
    try {
      return await query;
    } catch (error) {
      throw unconfirmed(undefined, error);
    }
  }
}

interface BegunRevocation {
  /** What this Core's own connection heard of it. */
  readonly heard: string[];
  isAnnounced: boolean;
  /** `<name of the notice> <instance>` */
  readonly acknowledged: Set<string>;
}

function unconfirmed(count: number | undefined, cause?: unknown): HttpError {
  const who =
    count === undefined ? "the other Cores" : `${count} other Core${count > 1 ? "s" : ""}`;
  return new HttpError(
    503,
    `The session has ended, but it is not certain that every gateway knows: ${who} did not confirm it; please try again`,
    { cause, headers: { "retry-after": "2" } },
  );
}
