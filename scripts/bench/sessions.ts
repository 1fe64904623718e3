// What Core's sessions cost: the time and memory of validations, sign-ins, ends and starts, with
// real processes and a real PostgreSQL, as one table (issue 3, "Speed and memory"):
//   node --import tsx scripts/bench/sessions.ts [--only validate,fan-out,cut,memory,start] [--smoke]
// Some four minutes on two cores. Figures of one machine say little; those side by side say more.
import { parseArgs } from "node:util";
import { formatTable } from "./sessions/figures.ts";
import { partNames, runParts, sharePostgres } from "./sessions/parts.ts";
import { createScope } from "./sessions/scope.ts";
import { full, smoke } from "./sessions/sizes.ts";

const { values } = parseArgs({
  options: { only: { type: "string" }, smoke: { type: "boolean", default: false } },
});
const scope = createScope();
process.once("SIGINT", () => void scope.end().then(() => process.exit(130)));

try {
  await sharePostgres(scope);
  const figures = await runParts(scope, {
    names: values.only?.split(",") ?? partNames,
    sizes: values.smoke ? smoke : full,
    report: (text) => console.error(text),
  });
  console.log(formatTable(figures));
} finally {
  await scope.end();
}
// Connections that are kept for the next call would hold the process up.
process.exit();
