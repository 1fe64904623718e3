// A service writes 1 GB of log at once; the disk use has to stay bounded, and following keeps up:
//   node --import tsx scripts/faults/log_flood.ts [--megabytes 1000]
// Exit status 1 when it does not. Figures as JSON on standard output.
import { parseArgs } from "node:util";
import { createScope } from "../bench/sessions/scope.ts";
import { runFlood } from "./flood.ts";

const { values } = parseArgs({ options: { megabytes: { type: "string", default: "1000" } } });
const scope = createScope();
process.once("SIGINT", () => void scope.end().then(() => process.exit(130)));
try {
  const maxLogBytes = 10_000_000;
  const figures = await runFlood(scope, { bytes: Number(values.megabytes) * 1e6, maxLogBytes });
  console.log(JSON.stringify({ maxLogBytes, ...figures }, undefined, 2));
  // The log, its copy, and what a fast disk takes in the tenth of a second between two looks.
  const isRight = figures.peakBytes < 250e6 && figures.restarts === 0;
  process.exitCode = isRight && figures.behindMs < 5000 ? 0 : 1;
} finally {
  await scope.end();
}
process.exit();
