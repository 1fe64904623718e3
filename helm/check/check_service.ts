// Whether a running service keeps what design §6 and the contract promise, as far as that can be seen
// from outside and without harm.
import type { Checkout } from "../config/checkout.ts";
import type { MasterConfig } from "../config/master_config.ts";
import { askCoreAsHelm } from "../control/ask_core.ts";
import { logFile } from "../control/log_tail.ts";
import { getServiceToken } from "../control/service_token.ts";
import { endPosition } from "../logs/log_source.ts";
import { checkErrors, checkHealth, checkListening } from "./answer_checks.ts";
import { checkDatabase } from "./database_check.ts";
import { findDoor } from "./door.ts";
import { checkFiles, checkFolder } from "./file_checks.ts";
import { type CheckResult, type Finding, failed } from "./finding.ts";
import { checkLog, checkLoggedTokens } from "./log_checks.ts";
import { checkDocuments, checkLinks, checkStyling, visitPages } from "./page_checks.ts";
import { createProbe } from "./probe.ts";
import type { CheckTokens, Subject } from "./subject.ts";
import { checkClosed, checkForeign, checkForged, checkOwn } from "./token_checks.ts";

type Run = (subject: Subject) => Finding | Promise<Finding>;

/** In this order: later ones look at what earlier ones were answered. */
const checks: readonly (readonly [check: string, run: Run])[] = [
  ["answers GET /health", checkHealth],
  ["listens for this machine alone", checkListening],
  ["refuses a call without a token", checkClosed],
  ["refuses forged tokens", checkForged],
  ["refuses another service's token", checkForeign],
  ["takes a service token for itself", checkOwn],
  [
    "answers with whole documents",
    async (subject) => {
      await visitPages(subject);
      return checkDocuments(subject);
    },
  ],
  ["has no styling of its own", checkStyling],
  ["links with its prefix", checkLinks],
  ["shows no stack trace", checkErrors],
  ["logs JSON lines, if it can", checkLog],
  ["keeps tokens out of its log", checkLoggedTokens],
  ["has its files as Helm writes them", checkFiles],
  ["can be installed", checkFolder],
  ["reaches its own database alone", checkDatabase],
];

export interface CheckedService {
  readonly name: string;
  readonly url: string;
}

/**
 * @param services all that Nexus leads to; a token for one of them must be no good for another
 * @param path one that asks for a token, where it is none of the usual
 */
export async function checkService(
  { checkout, config, services }: CheckParts,
  { name, url }: CheckedService,
  path: string | undefined,
): Promise<CheckResult[]> {
  const probe = createProbe(url, `/${name}`);
  const logEnd = endPosition(logFile(checkout.logDir, name));
  const tokens = await getTokens(config, name, services);
  const ownToken = "problem" in tokens ? undefined : tokens.own;
  const subject: Subject = {
    checkout,
    config,
    name,
    url,
    probe,
    services,
    logEnd,
    tokens,
    door: await findDoor(probe, ownToken, path),
  };
  const results: CheckResult[] = [];
  for (const [check, run] of checks) {
    results.push({ check, ...(await runCheck(run, subject)) });
  }
  return results;
}

export interface CheckParts {
  readonly checkout: Checkout;
  readonly config: MasterConfig;
  readonly services: readonly string[];
}

async function runCheck(run: Run, subject: Subject): Promise<Finding> {
  try {
    return await run(subject);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return failed(reason, `see "helm status" and "helm logs ${subject.name}"`);
  }
}

async function getTokens(
  config: MasterConfig,
  name: string,
  services: readonly string[],
): Promise<CheckTokens> {
  const askCore = askCoreAsHelm(config);
  // Core is always there to be called, so there is a token for somebody else.
  const foreignTarget = services.find((service) => service !== name) ?? "core";
  try {
    const [own, foreign] = await Promise.all(
      [name, foreignTarget].map(async (target) => (await getServiceToken(askCore, target)).token),
    );
    return { own: own ?? "", foreign: foreign ?? "", foreignTarget };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}
