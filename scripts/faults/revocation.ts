// The model test of core/REVOCATION.md over real processes: Cores and gateways that are paused, killed
// and cut off while sessions begin, are used and end. No request that begins after an answered end may
// be served:
//   node --import tsx scripts/faults/revocation.ts [--rounds 40] [--seed 1] [--minutes 15]
//     [--shape "two cores"|memory|balanced|"one core"] [--until-violation]
// Exit status 1 with the violations, if there are any. Figures as JSON on standard output. A round is
// run again by its own seed: --seed <seed> --rounds 1.
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { runRevocationFaults, type ShapeName, shapes } from "./revocation_faults.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "40" },
    seed: { type: "string" },
    minutes: { type: "string" },
    shape: { type: "string" },
    "until-violation": { type: "boolean", default: false },
  },
});
const rounds = readCount("rounds", values.rounds);
const seed = values.seed === undefined ? randomInt(2 ** 30) : readCount("seed", values.seed);
const minutes = values.minutes === undefined ? Infinity : readCount("minutes", values.minutes);
const shape = readShape(values.shape);
const startedAt = performance.now();
const minutesSpent = () => (performance.now() - startedAt) / 60_000;
let violations = 0;
let isInterrupted = false;
// The round that runs is finished, so that no process is left behind.
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    isInterrupted = true;
    process.once(signal, () => process.exit(1));
  });
}

const figures = await runRevocationFaults({
  rounds,
  seed,
  ...(shape === undefined ? {} : { shape }),
  mayGoOn: () =>
    !isInterrupted && minutesSpent() < minutes && !(values["until-violation"] && violations > 0),
  report(soFar) {
    for (const text of soFar.violations.slice(violations)) console.error(text);
    violations = soFar.violations.length;
    const at = `${Math.round(minutesSpent() * 60)} s`;
    console.error(`${at}: ${soFar.rounds} of ${rounds} rounds, ${violations} violations`);
  },
  explain(plan, { cluster }) {
    const actions = plan.actions.filter((action) => action.do !== "request");
    for (const action of actions) console.error(`  ${JSON.stringify(action)}`);
    for (const { name, log } of [...cluster.cores, ...cluster.gateways]) {
      const told = log.filter((line) => !line.includes('"message":"request"')).slice(-30);
      console.error([`  ${name}:`, ...told].join("\n    "));
    }
  },
});
const { violations: found, ...rest } = figures;
console.log(
  JSON.stringify(
    {
      seed,
      seconds: Math.round(minutesSpent() * 60),
      rounds: rest.rounds,
      ...rest.counts,
      endMs: describe(rest.endDurationsMs),
      cutLateMs: describe(rest.cutLatenessMs),
      servedAgainMs: describe(rest.servedAgainMs),
      endedAgainMs: describe(rest.endedAgainMs),
      violations: found,
    },
    undefined,
    2,
  ),
);
process.exitCode = found.length === 0 ? 0 : 1;

function describe(values: readonly number[]) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part: number) => Math.round(sorted[Math.floor(part * (sorted.length - 1))] ?? 0);
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), most: at(1) };
}

function readCount(name: string, text: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count > 0) return count;
  throw new Error(
    `Cannot run the faults: --${name} is "${text}", it must be a whole number above 0`,
  );
}

function readShape(text: string | undefined): ShapeName | undefined {
  const names = Object.keys(shapes) as ShapeName[];
  const found = names.find((name) => name === text);
  if (found !== undefined || text === undefined) return found;
  throw new Error(
    `Cannot run the faults: --shape is "${text}", it must be one of ${names.join(", ")}`,
  );
}
