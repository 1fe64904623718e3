// The model test of revocation: random plans against clusters of several shapes.
import type { TestScope } from "@hivematrix/lib/testing";
import type { ClusterShape } from "./cluster.ts";
import { runRound } from "./revocation_round.ts";
import { planRound, type RoundPlan } from "./round_plan.ts";
import { type Stage, startStage } from "./stage.ts";

export const shapes = {
  "two cores": { cores: 2, gateways: 3, store: "postgres" },
  memory: { cores: 1, gateways: 2, store: "memory" },
  balanced: { cores: 2, gateways: 2, store: "postgres", isBalanced: true },
  "one core": { cores: 1, gateways: 2, store: "postgres" },
} as const satisfies Record<string, ClusterShape>;
export type ShapeName = keyof typeof shapes;

/** Starting a cluster takes longer than a round. */
const roundsEachCluster = 5;

export interface RevocationFigures {
  rounds: number;
  readonly counts: Record<string, number>;
  readonly endDurationsMs: number[];
  readonly cutLatenessMs: number[];
  readonly servedAgainMs: number[];
  readonly endedAgainMs: number[];
  /** What must not be, with the round's seed and shape. */
  readonly violations: string[];
}

export interface RevocationFaultsOptions {
  readonly rounds: number;
  /** Of the first round; the next one has the next seed. */
  readonly seed: number;
  /** Default: by the seed. */
  readonly shape?: ShapeName;
  readonly report?: (figures: RevocationFigures) => void;
  /** Called with what led to a violation. */
  readonly explain?: (plan: RoundPlan, stage: Stage) => void;
  readonly mayGoOn?: () => boolean;
}

/** A round depends on its seed alone, so that one that fails can be run again by itself. */
export function shapeOfSeed(seed: number): ShapeName {
  const names = Object.keys(shapes) as ShapeName[];
  return names[Math.floor(seed / roundsEachCluster) % names.length] ?? "memory";
}

export async function runRevocationFaults(
  options: RevocationFaultsOptions,
): Promise<RevocationFigures> {
  const { rounds, seed: firstSeed, mayGoOn = () => true } = options;
  const figures: RevocationFigures = {
    rounds: 0,
    counts: {},
    endDurationsMs: [],
    cutLatenessMs: [],
    servedAgainMs: [],
    endedAgainMs: [],
    violations: [],
  };
  for (let done = 0; done < rounds && mayGoOn(); ) {
    const first = firstSeed + done;
    const count = Math.min(roundsEachCluster - (first % roundsEachCluster), rounds - done);
    await withScope(async (scope) => {
      const name = options.shape ?? shapeOfSeed(first);
      const stage = await startStage(scope, shapes[name]);
      for (let seed = first; seed < first + count && mayGoOn(); seed++) {
        await runOne(stage, name, planRound(seed, shapes[name]), figures, options);
      }
      addCounts(figures, stage);
    });
    done += count;
  }
  return figures;
}

async function runOne(
  stage: Stage,
  shape: ShapeName,
  plan: RoundPlan,
  figures: RevocationFigures,
  { report = () => {}, explain = () => {} }: RevocationFaultsOptions,
): Promise<void> {
  const { servedAgainMs, endedAgainMs } = await runRound(stage, plan);
  figures.rounds++;
  figures.servedAgainMs.push(servedAgainMs);
  figures.endedAgainMs.push(endedAgainMs);
  const found = stage.model.violations.splice(0);
  if (found.length > 0) explain(plan, stage);
  figures.violations.push(...found.map((text) => `seed ${plan.seed} (${shape}): ${text}`));
  report(figures);
}

function addCounts(figures: RevocationFigures, stage: Stage): void {
  const { model, client, operations, faults, probes, cluster } = stage;
  const validations = cluster.relays.reduce((sum, relay) => sum + relay.validations, 0);
  for (const [name, count] of Object.entries({
    ...operations.figures,
    requests: client.sent,
    probes: probes.count,
    validations,
    ...model.counts,
    ...faults.figures,
  })) {
    figures.counts[name] = (figures.counts[name] ?? 0) + count;
  }
  figures.endDurationsMs.push(...operations.endDurationsMs);
  figures.cutLatenessMs.push(...stage.cutLatenessMs);
}

/** Everything that a cluster started ends with it, also when a round fails. */
async function withScope(work: (scope: TestScope) => Promise<void>): Promise<void> {
  const cleanUps: (() => unknown)[] = [];
  try {
    await work({ after: (cleanUp) => cleanUps.unshift(cleanUp) });
  } finally {
    for (const cleanUp of cleanUps) await cleanUp();
  }
}
