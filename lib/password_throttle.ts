// How many passwords may be tried: few enough that nobody's is guessed, and never so few that an
// attacker can keep the person out (R33; OWASP, "Slow down online guessing with device cookies").
import { createHash } from "node:crypto";
import { addressGroup } from "./client_address.ts";
import { limitSettings, readLimits } from "./limit_settings.ts";
import { RateLimit } from "./rate_limit.ts";

/** Failed sign-ins in ten minutes, as many at once. Settings: `apps.keycloak.limits.<name>`. */
export interface ThrottleLimits {
  /** Of all users together: an office has many people behind one address. */
  readonly failures_per_address: number;
  readonly failures_per_user_and_address: number;
  /** From all addresses together; after that each address has one failure a minute. */
  readonly failures_per_user: number;
}

export const defaultThrottleLimits: ThrottleLimits = {
  failures_per_address: 300,
  // Ten tabs that somebody signs in to at once, and as many mistakes.
  failures_per_user_and_address: 20,
  failures_per_user: 50,
};

export const throttleSettings = limitSettings(defaultThrottleLimits);

/** @throws {SettingsError} for a limit that is no whole number above 0 */
export function readThrottleLimits(
  service: string,
  found: Readonly<Record<string, string | undefined>>,
): ThrottleLimits {
  return readLimits(service, defaultThrottleLimits, found);
}

/** The share of one of several processes, among which the attempts are spread. */
export function shareThrottleLimits(limits: ThrottleLimits, processes: number): ThrottleLimits {
  const share = (whole: number) => Math.ceil(whole / processes);
  return {
    failures_per_address: share(limits.failures_per_address),
    failures_per_user_and_address: share(limits.failures_per_user_and_address),
    failures_per_user: share(limits.failures_per_user),
  };
}

/** Whose password is tried, and from where. */
export interface SignInSource {
  /** The user's id, or what was typed where nobody is called that. */
  readonly user: string;
  readonly address: string;
  /** A browser in which this user has signed in before; what it is called is its keeper's affair. */
  readonly device: string | undefined;
}

export interface Admission {
  /** 0: the password may be looked at. */
  readonly waitSeconds: number;
  /** Takes the attempt back: it was no failure. */
  succeed(): void;
}

const refillSeconds = 600;

/**
 * Every attempt counts as a failure until it has succeeded, so that many at the same moment are not
 * all let through. A browser that is known to be the user's own counts by itself: whatever others do,
 * be it from the same address, does not keep it out.
 */
export class PasswordThrottle {
  readonly #byAddress: RateLimit;
  readonly #byPair: RateLimit;
  readonly #byUser: RateLimit;
  readonly #byDevice: RateLimit;
  readonly #pairBurst: number;

  constructor(limits: ThrottleLimits = defaultThrottleLimits, now?: () => number) {
    const create = (burst: number) =>
      new RateLimit({ burst, refillSeconds, ...(now !== undefined && { now }) });
    this.#pairBurst = limits.failures_per_user_and_address;
    this.#byAddress = create(limits.failures_per_address);
    this.#byPair = create(this.#pairBurst);
    this.#byUser = create(limits.failures_per_user);
    this.#byDevice = create(this.#pairBurst);
  }

  begin({ user, address, device }: SignInSource): Admission {
    if (device !== undefined) return admitBy([[this.#byDevice, device]]);
    const group = addressGroup(address);
    // What people type as a name can be anything, a password too: it is not kept.
    const name = createHash("sha256").update(user).digest("base64url");
    const pair = `${group} ${name}`;
    const isUnderAttack = this.#byUser.left(name) < 1;
    // Whoever comes from where nothing has failed is let in all the same.
    if (isUnderAttack && this.#byPair.left(pair) < this.#pairBurst) {
      return refused(this.#byPair.secondsUntilFull(pair));
    }
    const counted: Counted[] = [
      [this.#byAddress, group],
      [this.#byPair, pair],
    ];
    return admitBy(isUnderAttack ? counted : [...counted, [this.#byUser, name]]);
  }
}

type Counted = readonly [limit: RateLimit, key: string];

/** Takes one of each, or of none. */
function admitBy(counted: readonly Counted[]): Admission {
  for (const [i, [limit, key]] of counted.entries()) {
    const waitSeconds = limit.take(key);
    if (waitSeconds === 0) continue;
    giveBack(counted.slice(0, i));
    return refused(waitSeconds);
  }
  return { waitSeconds: 0, succeed: () => giveBack(counted) };
}

function giveBack(counted: readonly Counted[]): void {
  for (const [limit, key] of counted) limit.giveBack(key);
}

function refused(waitSeconds: number): Admission {
  return { waitSeconds, succeed: () => {} };
}

/** As people are told: `40 seconds`, `3 minutes`. */
export function describeWait(waitSeconds: number): string {
  return waitSeconds <= 90 ? `${waitSeconds} seconds` : `${Math.ceil(waitSeconds / 60)} minutes`;
}
