// 20,000 requests and 2,000 WebSockets, many of them aborted, refused or cut, through a Nexus of its
// own; then sockets have to be back where they were, and the heap within 10 %:
//   node --import tsx scripts/faults/gateway_soak.ts [--requests 20000] [--sockets 2000]
// Exit status 1 with what has leaked. Figures as JSON on standard output.
import { parseArgs } from "node:util";
import { createScope } from "../bench/sessions/scope.ts";
import { findLeaks, runSoak } from "./soak.ts";

const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "20000" },
    sockets: { type: "string", default: "2000" },
  },
});
const scope = createScope();
process.once("SIGINT", () => void scope.end().then(() => process.exit(130)));
try {
  const sizes = { requests: Number(values.requests), sockets: Number(values.sockets) };
  const figures = await runSoak(scope, sizes, (text) => console.error(text));
  const leaks = findLeaks(figures);
  console.log(JSON.stringify({ ...sizes, ...figures, leaks }, undefined, 2));
  process.exitCode = leaks.length === 0 ? 0 : 1;
} finally {
  await scope.end();
}
process.exit();
