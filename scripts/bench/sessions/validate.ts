import { findFreePort } from "@hivematrix/lib/postgres_testing";
import { createSession } from "../../../core/session_store.ts";
import { testKeySet } from "../../../core/testing.ts";
import { createTokens } from "../../../core/tokens.ts";
import { post, repeat, time } from "./calls.ts";
import { type Figure, median } from "./figures.ts";
import { startMeasured } from "./measured_process.ts";
import { type Bench, openStore } from "./part.ts";
import { makePerson } from "./people.ts";
import { startCore } from "./services.ts";
import type { StoreName } from "./sizes.ts";

/** Something whose work is counted while it is called often. */
interface Contestant {
  readonly name: string;
  readonly count: number;
  call(index: number): Promise<unknown>;
  cpuMicroseconds(): Promise<number>;
  readonly rates: number[];
  readonly costs: number[];
}

const atOnce = 16;
/** Different sessions, so that no cache answers for the store. */
const sessionCount = 200;

/**
 * What a validation and a sign-in cost Core, beside a bare node:http server that answers the same:
 * one after the other in each round, because a machine is not equally fast all the time.
 */
export async function measureValidates(bench: Bench): Promise<Figure[]> {
  const contestants = await gather(bench);
  await repeat(bench.sizes.rounds + 1, 1, async (round) => {
    for (const contestant of contestants) {
      const { rate, cost } = await measure(contestant);
      // The first round is the compiler's.
      if (round === 0) continue;
      contestant.rates.push(rate);
      contestant.costs.push(cost);
    }
  });
  const bare = contestants.find(({ name }) => name === bareName);
  return contestants.flatMap(({ name, rates, costs }): Figure[] => {
    const ratios = costs.map((cost, round) => cost / (bare?.costs[round] ?? Number.NaN));
    const figures: Figure[] = [
      { what: `${name}, ${atOnce} at once`, value: median(rates), unit: "/s" },
      { what: `${name}, CPU of the process`, value: median(costs), unit: "µs" },
    ];
    return name === bareName
      ? figures
      : [...figures, { what: `${name}, CPU beside ${bareName}`, value: median(ratios), unit: "×" }];
  });
}

const bareName = "bare node:http";

async function gather(bench: Bench): Promise<Contestant[]> {
  const { sizes } = bench;
  const cores = await Promise.all(sizes.stores.map((store) => startWithSessions(bench, store)));
  const bare = await startBare(bench, cores[0]?.answer);
  const minting = await createMinting();
  const list: Omit<Contestant, "rates" | "costs">[] = [
    { name: bareName, count: sizes.validates, ...bare },
    ...cores.map((core) => ({ ...core, count: sizes.validates, name: `validate, ${core.store}` })),
    { name: "mint of a user token alone", count: sizes.exchanges, ...minting },
    ...cores.map(({ store, cpuMicroseconds, signIn }) => {
      const name = `token exchange, ${store}`;
      return { name, count: sizes.exchanges, call: signIn, cpuMicroseconds };
    }),
  ];
  return list.map((contestant) => ({ ...contestant, rates: [], costs: [] }));
}

async function startWithSessions({ scope, sizes, provider }: Bench, store: StoreName) {
  const connectionString = await openStore(scope, store);
  const core = await startCore(scope, { provider, connectionString });
  const { cpuMicroseconds } = core;
  const signIn = (index: number) => core.signIn(index, { isWhole: true });
  const tokens = await repeat(Math.min(sessionCount, sizes.validates), atOnce, signIn);
  const call = (index: number) => core.validate(tokens[index % tokens.length] ?? "");
  return { store, call, signIn, cpuMicroseconds, answer: await call(0) };
}

async function startBare({ scope }: Bench, answer: unknown) {
  const { url, cpuMicroseconds } = await startMeasured(scope, {
    folder: import.meta.dirname,
    entry: "bare_server.ts",
    port: await findFreePort(),
    env: { ANSWER: JSON.stringify(answer) },
  });
  const body = { token: "x".repeat(900) };
  return { call: () => post(url, body), cpuMicroseconds };
}

/** In this process: nothing else happens here meanwhile. */
async function createMinting(): Promise<Pick<Contestant, "call" | "cpuMicroseconds">> {
  const tokens = createTokens({ keys: await testKeySet(), issuer: "hivematrix.core" });
  const user = { ...makePerson(0), permission_level: "technician" } as const;
  return {
    call: () => tokens.mintUserToken(createSession(user, 3600, Math.floor(Date.now() / 1000))),
    async cpuMicroseconds() {
      const { user: inUserMode, system } = process.cpuUsage();
      return inUserMode + system;
    },
  };
}

async function measure({ count, call, cpuMicroseconds }: Contestant) {
  const before = await cpuMicroseconds();
  const tookMs = await time(() => repeat(count, atOnce, call));
  const cost = ((await cpuMicroseconds()) - before) / count;
  return { rate: (count / tookMs) * 1000, cost };
}
