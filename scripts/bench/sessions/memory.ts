import { setTimeout as sleep } from "node:timers/promises";
import { findFreePort } from "@hivematrix/lib/postgres_testing";
import { post, repeat, visit } from "./calls.ts";
import { waitUntilTrusted } from "./fan_out.ts";
import type { Figure } from "./figures.ts";
import { type MeasuredProcess, startMeasured } from "./measured_process.ts";
import { type Bench, openStore } from "./part.ts";
import type { MemoryAnswer } from "./process_probe.ts";
import { type CoreProcess, startCore, startNexus } from "./services.ts";

type Memory = Omit<MemoryAnswer, "openSockets">;

/** Issue 3, "Speed and memory". */
const goalBytes = 600;
/** "No growth": no session fits into this, and code that gets compiled on the way takes as much. */
const noGrowthBytes = 100;
const atOnce = 16;

/** What a session takes: in the memory store alone, of Core with each store, and of Nexus. */
export async function measureMemory(bench: Bench): Promise<Figure[]> {
  // At once: memory is no matter of who else is at work.
  const measures = [measureStore, measureCoreInMemory, measureCoreInPostgres];
  return (await Promise.all(measures.map((measure) => measure(bench)))).flat();
}

async function measureStore({ scope, sizes }: Bench): Promise<Figure[]> {
  const port = await findFreePort();
  const folder = import.meta.dirname;
  const holder = await startMeasured(scope, { folder, entry: "store_holder.ts", port });
  const fill = (count: number) => post(holder.url, { count });
  await fill(sizes.warmUps);
  const growth = await measureGrowth(holder, sizes.storedAlone, 0, fill);
  await holder.stop();
  return describe(`a session in the memory store, of ${sizes.storedAlone}`, growth, goalBytes);
}

async function measureCoreInMemory(bench: Bench): Promise<Figure[]> {
  const { scope, provider, sizes } = bench;
  const core = await startCore(scope, { provider });
  const { tokens, growth } = await measureCore(bench, core);
  const nexus = await startNexus(scope, { coreUrl: core.url });
  await waitUntilTrusted(nexus.url, core, tokens[0] ?? "");
  const visitAll = (from: readonly string[]) =>
    repeat(from.length, atOnce, (i) => visit(nexus.url, from[i] ?? ""));
  const warmUps = tokens.slice(0, tokens.length / 5);
  const others = tokens.slice(warmUps.length);
  await visitAll(warmUps);
  const trusted = await measureGrowth(nexus, others.length, sizes.settleMs, () => visitAll(others));
  return [
    ...describe(`a session in Core, memory, of ${sizes.storedByCore}`, growth, goalBytes),
    ...describe(`a session that Nexus trusts, of ${others.length}`, trusted),
  ];
}

async function measureCoreInPostgres(bench: Bench): Promise<Figure[]> {
  const { scope, provider, sizes } = bench;
  const connectionString = await openStore(scope, "PostgreSQL");
  const core = await startCore(scope, { provider, connectionString });
  const { growth } = await measureCore(bench, core);
  const what = `a session in Core, PostgreSQL, of ${sizes.storedByCore}`;
  return describe(what, growth, noGrowthBytes);
}

async function measureCore({ sizes }: Bench, core: CoreProcess) {
  const signIn = async (index: number) => {
    const token = await core.signIn(index, { isWhole: true });
    await core.validate(token);
    return token;
  };
  await repeat(sizes.warmUps, atOnce, signIn);
  let tokens: string[] = [];
  const measure = () =>
    measureGrowth(core, sizes.storedByCore, sizes.settleMs, async (count) => {
      tokens = await repeat(count, atOnce, signIn);
    });
  const growths = [await measure(), await measure()];
  // What comes only once comes in one of the two.
  const [growth = noGrowth] = growths.sort((a, b) => a.liveBytes - b.liveBytes);
  return { tokens, growth };
}

const noGrowth: Memory = { liveBytes: Number.NaN, residentBytes: Number.NaN };

/** Bytes for each of `count` sessions. */
async function measureGrowth(
  measured: MeasuredProcess,
  count: number,
  settleMs: number,
  fill: (count: number) => Promise<unknown>,
): Promise<Memory> {
  const settle = async () => {
    await sleep(settleMs);
    return await measured.memory();
  };
  const before = await settle();
  await fill(count);
  const after = await settle();
  return {
    liveBytes: (after.liveBytes - before.liveBytes) / count,
    residentBytes: (after.residentBytes - before.residentBytes) / count,
  };
}

function describe(what: string, { liveBytes, residentBytes }: Memory, goal?: number) {
  const withGoal = goal === undefined ? {} : { goal };
  const figures: Figure[] = [
    { what: `${what}, live`, value: liveBytes, unit: "bytes", ...withGoal },
    { what: `${what}, resident`, value: residentBytes, unit: "bytes" },
  ];
  return figures;
}
