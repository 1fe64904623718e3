import { createHash, randomUUID } from "node:crypto";

/** A change of the settings that somebody looks at before it is made. */
export interface ProposedChange {
  /** `helm config set system.log_level`, for the history. */
  readonly command: string;
  /** What it does, in words. */
  readonly title: string;
  /** The settings that it was made from; others by now mean that the plan shown is no longer true. */
  readonly base: string;
  /** The settings as they would be. They stay here: a secret among them is on no page. */
  readonly next: unknown;
}

const maxKept = 50;
const keptForMs = 15 * 60 * 1000;

/** By a name for the address, in memory only: whoever waits too long proposes it again. */
export class ProposedChanges {
  readonly #kept = new Map<string, { sub: string; change: ProposedChange; until: number }>();

  /** @param sub whose it is @returns its name */
  keep(sub: string, change: ProposedChange, now = performance.now()): string {
    const name = randomUUID();
    this.#kept.set(name, { sub, change, until: now + keptForMs });
    for (const [other, { until }] of this.#kept) {
      if (until <= now || this.#kept.size > maxKept) this.#kept.delete(other);
    }
    return name;
  }

  find(sub: string, name: string, now = performance.now()): ProposedChange | undefined {
    const kept = this.#kept.get(name);
    return kept?.sub === sub && kept.until > now ? kept.change : undefined;
  }

  /** Once it is made it is a proposal no longer. */
  drop(name: string): void {
    this.#kept.delete(name);
  }
}

/** Tells one state of the settings from another. */
export function stateOf(config: unknown): string {
  return createHash("sha256").update(JSON.stringify(config)).digest("hex");
}
