/** How patient the supervisor is. Tests shorten these; the defaults suit people and small machines. */
export interface SupervisionTimes {
  /** Between health checks while a service starts: quickly at first, because people wait for it. */
  readonly firstStartPollMs: number;
  readonly longestStartPollMs: number;
  /** A service that is still not ready after that is ended and started again. */
  readonly startLimitMs: number;
  /** A preparation of which nothing is heard for that long is tried again (building a Keycloak: 2 min). */
  readonly prepareLimitMs: number;
  /** Between health checks of a ready service, and the longest that one may take. */
  readonly healthIntervalMs: number;
  readonly healthTimeoutMs: number;
  readonly failuresUntilUnhealthy: number;
  /** A service that stays unhealthy for so long hangs; it is ended and started again. */
  readonly unhealthyLimitMs: number;
  /** How long a process may take to stop before it is killed. */
  readonly stopGraceMs: number;
  /** Before the first, second, … restart in a row; the last one is used from there on. */
  readonly restartDelaysMs: readonly number[];
  /** Whoever was ready for so long and then dies has not failed to start: the count begins anew. */
  readonly stableAfterMs: number;
  readonly deathsUntilCrashLooping: number;
  /**
   * After this, everybody goes where services.json says: Nexus and lib/service_registry.ts look at it
   * every half second, and what was sent before is under way.
   */
  readonly takeUpMs: number;
  /** How often an adopted process is looked at; nobody tells of the end of another's child. */
  readonly adoptedPollMs: number;
}

export const defaultTimes: SupervisionTimes = {
  firstStartPollMs: 25,
  longestStartPollMs: 250,
  startLimitMs: 120_000,
  prepareLimitMs: 300_000,
  healthIntervalMs: 2000,
  healthTimeoutMs: 3000,
  failuresUntilUnhealthy: 3,
  unhealthyLimitMs: 30_000,
  stopGraceMs: 10_000,
  restartDelaysMs: [1000, 2000, 4000, 8000, 16_000, 30_000],
  stableAfterMs: 60_000,
  deathsUntilCrashLooping: 3,
  takeUpMs: 1000,
  adoptedPollMs: 1000,
};
