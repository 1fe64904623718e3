/** Core's stores, by the names that the table has for them. */
export type StoreName = "memory" | "PostgreSQL";

/** How much of everything; two sets, so that what is measured at length is also tried in a test. */
export interface Sizes {
  /** Rounds of the alternation; what is shown is the median over them. */
  readonly rounds: number;
  /** Which of Core's stores validations and ends are measured with. */
  readonly stores: readonly StoreName[];
  readonly validates: number;
  readonly exchanges: number;
  /** How many Nexus processes listen to one Core, in each hive. */
  readonly hives: readonly number[];
  readonly revokes: number;
  readonly openSockets: number;
  /** Sign-ins before memory is measured: caches, pools and compiled code come once. */
  readonly warmUps: number;
  /** Sign-ins for what a session takes in the whole of Core, twice. */
  readonly storedByCore: number;
  /** Sessions for what one takes in the store alone. */
  readonly storedAlone: number;
  readonly rows: number;
  readonly starts: number;
  /** How long what an answered call leaves behind may stay in memory: timers run for 5 s. */
  readonly settleMs: number;
}

/** Together some four minutes on two cores. */
export const full: Sizes = {
  rounds: 4,
  stores: ["memory", "PostgreSQL"],
  validates: 1500,
  exchanges: 300,
  hives: [1, 8],
  revokes: 150,
  openSockets: 2000,
  warmUps: 4000,
  storedByCore: 3000,
  storedAlone: 100_000,
  rows: 1_000_000,
  starts: 5,
  settleMs: 6000,
};

export const smoke: Sizes = {
  rounds: 1,
  stores: ["PostgreSQL"],
  validates: 20,
  exchanges: 5,
  hives: [1],
  revokes: 3,
  openSockets: 5,
  warmUps: 5,
  storedByCore: 20,
  storedAlone: 200,
  rows: 200,
  starts: 1,
  settleMs: 0,
};
