import { readFileSync } from "node:fs";
import type { TestScope } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { repeat, time, visit } from "./calls.ts";
import { type Figure, median, percentile } from "./figures.ts";
import { type Bench, openStore } from "./part.ts";
import { withScope } from "./scope.ts";
import { type CoreProcess, startCore, startNexus } from "./services.ts";

/** A Core with the Nexus processes that listen to it. */
interface Hive {
  readonly gateways: number;
  readonly core: CoreProcess;
  readonly tookMs: number[];
  /** CPU microseconds of Core for one revoke, of each round. */
  readonly costs: number[];
}

/**
 * How long the end of a session takes until it is answered, and what it costs Core, with one Nexus
 * and with many: by turns, because a machine is not equally fast all the time.
 */
export async function measureFanOut({ scope: outer, sizes, provider }: Bench): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const store of sizes.stores) {
    await withScope(outer, async (scope) => {
      const startHive = async (gateways: number): Promise<Hive> => {
        const connectionString = await openStore(scope, store);
        const core = await startCore(scope, { provider, connectionString });
        await startGateways(scope, core, gateways);
        return { gateways, core, tookMs: [], costs: [] };
      };
      const hives = await Promise.all(sizes.hives.map(startHive));
      for (let round = 0; round < sizes.rounds; round++) {
        for (const hive of hives) await measureRound(hive, sizes.revokes);
      }
      figures.push(...hives.flatMap((hive) => describe(store, hive)));
    });
  }
  return figures;
}

/** Resolves when each of them trusts a session, which it does only while its feed is alive. */
async function startGateways(scope: TestScope, core: CoreProcess, count: number): Promise<void> {
  const token = await core.signIn(0);
  const start = () => startNexus(scope, { coreUrl: core.url });
  const gateways = await repeat(count, 4, start);
  for (const { url } of gateways) await waitUntilTrusted(url, core, token);
}

/** A gateway that trusts a session does not ask Core about it again. */
export async function waitUntilTrusted(
  nexusUrl: string,
  core: CoreProcess,
  token: string,
): Promise<void> {
  const countValidates = () => readFileSync(core.logFile, "utf8").split("/validate").length;
  const isTrusted = async () => {
    await visit(nexusUrl, token);
    const before = countValidates();
    await visit(nexusUrl, token);
    return countValidates() === before;
  };
  await waitFor(isTrusted, { what: "a session that Nexus trusts" });
}

async function measureRound({ core, tookMs, costs }: Hive, revokes: number): Promise<void> {
  const tokens = await repeat(revokes, 8, core.signIn);
  const before = await core.cpuMicroseconds();
  for (const token of tokens) tookMs.push(await time(() => core.revoke(token)));
  costs.push(((await core.cpuMicroseconds()) - before) / revokes);
}

function describe(store: string, { gateways, tookMs, costs }: Hive): Figure[] {
  const what = `revoke, ${store}, ${gateways} Nexus process${gateways > 1 ? "es" : ""}`;
  return [
    { what: `${what}, sent to answered, p50`, value: median(tookMs), unit: "ms" },
    { what: `${what}, sent to answered, p99`, value: percentile(tookMs, 0.99), unit: "ms" },
    { what: `${what}, CPU of Core`, value: median(costs), unit: "µs" },
  ];
}
