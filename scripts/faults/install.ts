// Helm, or what it has started, is killed with SIGKILL at random moments of installing, updating and
// uninstalling an app, and started again; the app has to be wholly there or wholly gone:
//   node --import tsx scripts/faults/install.ts [--rounds 50] [--seed N]
// Exit status 1 with what was not so. Figures as JSON on standard output.
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { createScope } from "../bench/sessions/scope.ts";
import { runInstallRounds } from "./install_rounds.ts";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "50" }, seed: { type: "string" } },
});
const scope = createScope();
process.once("SIGINT", () => void scope.end().then(() => process.exit(130)));
try {
  const rounds = Number(values.rounds);
  const seed = Number(values.seed ?? randomInt(1_000_000));
  console.error(`seed ${seed}`);
  const figures = await runInstallRounds(scope, { rounds, seed, report: console.error });
  console.log(JSON.stringify(figures, undefined, 2));
  process.exitCode = figures.faults.length === 0 ? 0 : 1;
} finally {
  await scope.end();
}
process.exit();
