// Restarts and kills Core, Nexus, the identity provider and Helm of a whole platform, again and again,
// while several people work and some try to get in who may not:
//   node --import tsx scripts/faults/part_restarts.ts [--rounds 3] [--parts core,nexus]
// Nobody may be signed out, nobody let in, no write lost or done twice. Exit status 1 with what was
// wrong. Figures as JSON on standard output.
import { parseArgs } from "node:util";
import { createScope } from "../bench/sessions/scope.ts";
import { startPlatform } from "../platform_testing.ts";
import { findIntruders, keepSigningOut, signInPeople } from "./part_actors.ts";
import { PartLoad } from "./part_load.ts";
import { killOf, parts, restartOf } from "./part_steps.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    parts: { type: "string", default: parts.join() },
  },
});
const chosen = parts.filter((part) => values.parts.split(",").includes(part));
const scope = createScope();
process.once("SIGINT", () => void scope.end().then(() => process.exit(130)));
try {
  const platform = await startPlatform(scope);
  const people = await signInPeople(platform, ["ada", "bob", "eve"]);
  const intruders = await findIntruders(platform, people[0]);
  const load = new PartLoad(platform.origin, intruders);
  await load.begin(people);
  const over = new AbortController();
  const signingOut = keepSigningOut(platform.origin, load, over.signal);
  for (let round = 1; round <= Number(values.rounds); round++) {
    for (const step of chosen.flatMap((part) => [restartOf(part), killOf(part)])) {
      console.error(`round ${round}: ${step.name}`);
      await load.during(step.name, step.closesNexus, () => step.act(platform));
    }
  }
  over.abort();
  const sessionsEnded = await signingOut;
  const figures = await load.end();
  console.log(JSON.stringify({ ...figures, sessionsEnded }, undefined, 2));
  process.exitCode = figures.faults.length === 0 ? 0 : 1;
} finally {
  await scope.end();
}
process.exit();
