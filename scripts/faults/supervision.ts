// Helm is killed with SIGKILL at a random moment, started again, and stops everything, round after
// round; every service has to be adopted, none doubled, none left behind:
//   node --import tsx scripts/faults/supervision.ts [--rounds 100]
// Exit status 1 with what was not so. Figures as JSON on standard output.
import { parseArgs } from "node:util";
import { createScope } from "../bench/sessions/scope.ts";
import { runSupervisionRounds } from "./supervision_rounds.ts";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "100" } } });
const scope = createScope();
process.once("SIGINT", () => void scope.end().then(() => process.exit(130)));
try {
  const rounds = Number(values.rounds);
  const figures = await runSupervisionRounds(scope, { rounds, report: console.error });
  console.log(JSON.stringify(figures, undefined, 2));
  process.exitCode = figures.faults.length === 0 ? 0 : 1;
} finally {
  await scope.end();
}
process.exit();
