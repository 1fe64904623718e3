import type { RevocationFeeds } from "./revocation_feeds.ts";

/** One end of sessions, from before it is stored until every gateway knows. */
export interface Revocation {
  /** Names it between several Cores. */
  readonly id: string;
  /**
   * After the store has it: resolves when no gateway anywhere accepts these sessions any more.
   *
   * @param hashes hashSessionId in hex
   * @throws {HttpError} 503 when that cannot be confirmed
   */
  announce(hashes: readonly string[]): Promise<void>;
  /** In any case in the end, so that nothing waits for it any longer. */
  close(): void;
}

/** Tells all gateways which sessions have ended: those of this Core, or of all that share a store. */
export interface Revocations {
  begin(): Revocation;
}

/** The revocations of a Core that shares its sessions with no other. */
export function createLocalRevocations(feeds: RevocationFeeds): Revocations {
  return {
    begin: () => ({ id: "local", announce: (hashes) => feeds.announce(hashes), close() {} }),
  };
}
