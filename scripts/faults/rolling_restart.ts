// 10,000 requests of every kind through a whole platform while Template is restarted again and again;
// none may fail:
//   node --import tsx scripts/faults/rolling_restart.ts [--requests 10000] [--restarts 3]
// Exit status 1 with what has failed. Figures as JSON on standard output.
import { parseArgs } from "node:util";
import { TestBrowser } from "../../nexus/browser_testing.ts";
import { createScope } from "../bench/sessions/scope.ts";
import { startPlatform } from "../platform_testing.ts";
import { runRestartLoad } from "./restart_load.ts";
import { signInTo } from "./sign_in_to.ts";

const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "10000" },
    restarts: { type: "string", default: "3" },
  },
});
const scope = createScope();
process.once("SIGINT", () => void scope.end().then(() => process.exit(130)));
try {
  const platform = await startPlatform(scope, "--no-tls");
  const pids = new Set<number | undefined>();
  const cookie = await signInTo(new TestBrowser(platform.origin));
  const figures = await runRestartLoad({
    origin: platform.origin,
    cookie,
    requests: Number(values.requests),
    meanwhile: async () => {
      for (let left = Number(values.restarts); left > 0; left--) {
        const { status, output } = await platform.helm("restart", "template");
        if (status !== 0) throw new Error(output);
        pids.add((await platform.status()).get("template")?.pid);
        console.error(output.trim());
      }
    },
  });
  console.log(JSON.stringify({ ...figures, failed: figures.failures.length }, undefined, 2));
  const isRight = figures.failures.length === 0 && pids.size === Number(values.restarts);
  process.exitCode = isRight ? 0 : 1;
} finally {
  await scope.end();
}
process.exit();
