// For tests and scripts/faults/sessions.ts: Core and PostgreSQL killed at random points during
// sign-ins and revokes. What was acknowledged has to hold; what was refused once stays refused.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { updateConf } from "@hivematrix/lib/conf_file";
import { startTestPostgres, type TestPostgres, type TestScope } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { copyCore, env, post, type RunningCore, run } from "./process_testing.ts";
import { startTestProvider } from "./testing_provider.ts";

export interface FaultFigures {
  rounds: number;
  coreKills: number;
  postgresKills: number;
  signIns: number;
  /** Answered with 200. */
  revokes: number;
  /** Asked for and not answered, because something was killed; asked for again later. */
  interrupted: number;
  /** Of these, how many had been stored all the same. */
  storedUnanswered: number;
  checks: number;
  /** What must not be. */
  readonly problems: string[];
}

interface KnownSession {
  readonly token: string;
  state: "live" | "revoking" | "revoked";
}

/** How many of each at once in a round. */
const burst = 8;

/** A round checks all young sessions and some of the old ones. */
const oldChecksEachRound = 12;

/**
 * @param random gives numbers in [0, 1); the same numbers kill at much the same points
 * @param report called after each round
 */
export async function runSessionFaults(
  scope: TestScope,
  options: { rounds: number; random: () => number; report?: (figures: FaultFigures) => void },
): Promise<FaultFigures> {
  const { rounds, random, report = () => {} } = options;
  const postgres = await startTestPostgres(scope, { own: true });
  const faults = await startFaultyCore(scope, postgres, random);
  for (let round = 0; round < rounds; round++) {
    await faults.runRound(round % 2 === 0 ? "core" : "postgres");
    report(faults.figures);
  }
  await faults.checkAll();
  return faults.figures;
}

async function startFaultyCore(scope: TestScope, postgres: TestPostgres, random: () => number) {
  const provider = await startTestProvider(scope);
  const folder = copyCore(scope, { ...env, KEYCLOAK_BACKEND_URL: provider.keycloak.backendUrl });
  const conf = updateConf("", { database: { connection_string: postgres.url } });
  writeFileSync(join(folder, "instance", "core.conf"), conf);
  const access_token = provider.giveAccessToken({ sub: "ada-sub" });
  const sessions: KnownSession[] = [];
  const figures: FaultFigures = {
    rounds: 0,
    coreKills: 0,
    postgresKills: 0,
    signIns: 0,
    revokes: 0,
    interrupted: 0,
    storedUnanswered: 0,
    checks: 0,
    problems: [],
  };
  let core: RunningCore;
  let url = "";

  const startCore = async () => {
    core = run(scope, folder);
    url = await core.listening();
  };
  /** The status, or 0 when the connection broke. */
  const ask = async (path: string, body: object) => {
    try {
      const response = await post(url, path, body);
      return { status: response.status, body: (await response.json()) as { token?: string } };
    } catch {
      return { status: 0, body: {} };
    }
  };
  const signIn = async () => {
    const { status, body } = await ask("/api/token/exchange", { access_token });
    if (status !== 200 || body.token === undefined) return;
    figures.signIns++;
    sessions.push({ token: body.token, state: "live" });
  };
  const revoke = async (session: KnownSession) => {
    session.state = "revoking";
    const { status } = await ask("/api/token/revoke", { token: session.token });
    if (status === 200) {
      session.state = "revoked";
      figures.revokes++;
    } else figures.interrupted++;
    if (status !== 0 && status !== 200 && status !== 503) {
      figures.problems.push(`round ${figures.rounds}: a revoke was answered with ${status}`);
    }
  };
  /** Not sure is an answer too, but not for long. */
  const validate = async (token: string) => {
    for (const waitMs of [50, 200, 1000, 0]) {
      const { status } = await ask("/api/token/validate", { token });
      if (status !== 503 || waitMs === 0) return status;
      await sleep(waitMs);
    }
    return 503;
  };
  const check = async (session: KnownSession) => {
    const status = await validate(session.token);
    figures.checks++;
    if (status !== 200 && status !== 401) {
      figures.problems.push(`round ${figures.rounds}: a check was answered with ${status}`);
    } else if (session.state === "revoking" && status === 401) {
      // Seen dead once, it has to stay dead.
      figures.storedUnanswered++;
      session.state = "revoked";
    } else if (session.state === "revoked" && status === 200) {
      figures.problems.push(`round ${figures.rounds}: a revoked session is back to life`);
    } else if (session.state === "live" && status === 401) {
      figures.problems.push(`round ${figures.rounds}: an acknowledged session is lost`);
    }
  };
  const checkAll = async () => {
    for (let i = 0; i < sessions.length; i += 16) {
      await Promise.all(sessions.slice(i, i + 16).map(check));
    }
  };

  await startCore();
  await Promise.all(Array.from({ length: burst }, signIn));
  return {
    figures,
    checkAll,
    async runRound(victim: "core" | "postgres") {
      figures.rounds++;
      const open = sessions.filter(({ state }) => state !== "revoked");
      // Some are acknowledged for certain, the others may be interrupted.
      await Promise.all(open.slice(0, 2).map(revoke));
      const toRevoke = open.slice(2, burst);
      const work = [...toRevoke.map(revoke), ...Array.from({ length: burst }, signIn)];
      // An end takes some 10 ms from request to commit.
      await sleep(random() ** 2 * 60);
      if (victim === "core") {
        figures.coreKills++;
        core.process.kill("SIGKILL");
        await Promise.all([core.exited, ...work]);
        await startCore();
      } else {
        figures.postgresKills++;
        await postgres.kill();
        await sleep(random() * 50);
        await postgres.restart();
        await Promise.all(work);
      }
      await waitFor(async () => (await fetch(new URL("/health", url)).catch(() => undefined))?.ok, {
        timeoutMs: 30_000,
        what: "Core to be well again",
      });
      const young = sessions.slice(-4 * burst);
      const old = Array.from(
        { length: oldChecksEachRound },
        () => sessions[Math.floor(random() * sessions.length)],
      );
      await Promise.all([...new Set([...young, ...old])].map(async (s) => s && (await check(s))));
    },
  };
}

/** Numbers in [0, 1) that are the same for the same seed (a linear congruential generator). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
