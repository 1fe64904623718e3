import { connectDatabase } from "@hivematrix/lib/database";
import type { Log } from "@hivematrix/lib/log";
import { CoreInstance } from "./core_instance.ts";
import type { Keycloak } from "./keycloak.ts";
import { MemorySessionStore } from "./memory_session_store.ts";
import { PostgresSessionStore } from "./postgres_session_store.ts";
import { RevocationFeeds } from "./revocation_feeds.ts";
import { createLocalRevocations, type Revocations } from "./revocations.ts";
import { createSessionEnding, type EndSessions } from "./session_ending.ts";
import type { SessionStore } from "./session_store.ts";
import { createUseNoting } from "./session_use.ts";
import { SharedRevocations } from "./shared_revocations.ts";

export interface OpenSessionsOptions {
  readonly log: Log;
  readonly keycloak: Keycloak;
  /** Seals the provider's tokens in the database. */
  readonly secretKey: string;
  /** Without one, sessions are kept in memory. */
  readonly connectionString?: string | undefined;
  readonly idleSeconds?: number | undefined;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** For tests: no Core ran here before. */
  readonly startsFresh?: boolean;
  /** For tests: another store than a new one in memory. */
  readonly sessions?: SessionStore;
  /** For tests: whether leases may be granted, beside what the store asks for. */
  readonly mayGrant?: () => boolean;
}

/** The store, the gateways' feeds, and the way in which sessions end between these. */
export interface OpenedSessions {
  readonly sessions: SessionStore;
  readonly feeds: RevocationFeeds;
  readonly endSessions: EndSessions;
  close(): Promise<void>;
}

/**
 * Which store it is is a matter of configuration alone: a database that is away is no reason for
 * memory.
 */
export function openSessions(options: OpenSessionsOptions): OpenedSessions {
  return options.connectionString === undefined
    ? openInMemory(options)
    : openInPostgres(options, options.connectionString);
}

function openInMemory(options: OpenSessionsOptions): OpenedSessions {
  const { log, startsFresh = false, mayGrant = () => true } = options;
  log.info(
    "sessions are kept in memory and end with this process: instance/core.conf has no connection_string in [database]",
  );
  const sessions = options.sessions ?? new MemorySessionStore(options);
  const onSeen = createUseNoting(sessions, log);
  const feeds = new RevocationFeeds({ mayGrant, onSeen, startsFresh });
  return put(sessions, feeds, createLocalRevocations(feeds), options, async () => feeds.close());
}

function openInPostgres(options: OpenSessionsOptions, connectionString: string): OpenedSessions {
  const { log, startsFresh = false, mayGrant = () => true } = options;
  log.info("sessions are kept in PostgreSQL");
  const sql = connectDatabase(connectionString, { log });
  const sessions = new PostgresSessionStore(sql, options);
  const feeds = new RevocationFeeds({
    mayGrant: () => instance.mayGrant && mayGrant(),
    onSeen: createUseNoting(sessions, log),
    startsFresh,
  });
  const revocations = new SharedRevocations({ sql, feeds, log });
  const instance = new CoreInstance(connectionString, {
    log,
    ready: () => sessions.ping(),
    onMessage: (channel, payload) => revocations.hear(channel, payload),
    onLost: () => feeds.drop(),
  });
  revocations.join(instance);
  return put(sessions, feeds, revocations, options, async () => {
    feeds.close();
    await instance.close({ isTrusted: feeds.mayBeTrusted });
  });
}

function put(
  sessions: SessionStore,
  feeds: RevocationFeeds,
  revocations: Revocations,
  { keycloak }: OpenSessionsOptions,
  leave: () => Promise<void>,
): OpenedSessions {
  return {
    sessions,
    feeds,
    endSessions: createSessionEnding({ sessions, revocations, keycloak }),
    async close() {
      await leave();
      await sessions.close();
    },
  };
}
