// Kills Core and PostgreSQL at random points during sign-ins and revokes and checks that nothing
// that was acknowledged is lost or undone:
//   node --import tsx scripts/faults/sessions.ts [--rounds 200] [--seed 1]
// Exit status 1 with the problems, if there are any. Figures as JSON on standard output.
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { createRandom, runSessionFaults } from "../../core/durability_testing.ts";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "200" }, seed: { type: "string" } },
});
const rounds = readCount("rounds", values.rounds);
const seed = values.seed === undefined ? randomInt(2 ** 31) : readCount("seed", values.seed);
const cleanUps: (() => unknown)[] = [];
const startedAt = performance.now();
try {
  const figures = await runSessionFaults(
    { after: (cleanUp) => cleanUps.unshift(cleanUp) },
    {
      rounds,
      random: createRandom(seed),
      report: ({ rounds: done, problems }) => {
        if (done % 10 === 0)
          console.error(`${done} of ${rounds} rounds, ${problems.length} problems`);
      },
    },
  );
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  console.log(JSON.stringify({ seed, seconds, ...figures }, undefined, 2));
  process.exitCode = figures.problems.length === 0 ? 0 : 1;
} finally {
  for (const cleanUp of cleanUps) await cleanUp();
}

function readCount(name: string, text: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count > 0) return count;
  throw new Error(
    `Cannot run the faults: --${name} is "${text}", it must be a whole number above 0`,
  );
}
