// 1 GiB down and up through a Nexus of its own, whose resident memory may grow by less than 64 MiB:
//   node --import tsx scripts/faults/gateway_transfer.ts [--mebibytes 1024]
// Exit status 1 when it grows further. Figures as JSON on standard output.
import { parseArgs } from "node:util";
import { createScope } from "../bench/sessions/scope.ts";
import { goalGrowthBytes, MiB, runTransfer } from "./transfer.ts";

const { values } = parseArgs({ options: { mebibytes: { type: "string", default: "1024" } } });
const scope = createScope();
process.once("SIGINT", () => void scope.end().then(() => process.exit(130)));
try {
  const mebibytes = Number(values.mebibytes);
  const figures = await runTransfer(scope, mebibytes * MiB);
  const growth = Math.max(figures.downGrowthBytes, figures.upGrowthBytes);
  console.log(JSON.stringify({ mebibytes, ...figures }, undefined, 2));
  process.exitCode = growth < goalGrowthBytes ? 0 : 1;
} finally {
  await scope.end();
}
process.exit();
