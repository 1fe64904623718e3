import { createServiceRegistry } from "@hivematrix/lib/service_registry";
import { checkService } from "../check/check_service.ts";
import type { CheckResult, Finding } from "../check/finding.ts";
import type { Checkout } from "../config/checkout.ts";
import { loadMasterConfig } from "../config/master_config.ts";
import { didYouMean } from "../control/near_names.ts";
import type { ServiceStatus } from "../services/service_status.ts";
import { type Colour, print } from "./output.ts";
import { readStatus } from "./services.ts";
import { formatTable } from "./table.ts";

export interface CheckOptions {
  /** Of the service, one that asks for a token. */
  readonly path: string | undefined;
  readonly isJson: boolean;
}

/** Not behind Nexus, and with rules of their own, which Helm's own tests look after. */
const platformParts: ReadonlySet<string> = new Set(["core", "nexus", "keycloak", "postgres"]);

/**
 * `helm check [service..]`: whether services keep what the platform promises of them.
 *
 * @param names none: all that are ready
 * @returns whether no check failed
 */
export async function check(
  checkout: Checkout,
  names: readonly string[],
  { path, isJson }: CheckOptions,
): Promise<boolean> {
  const config = await loadMasterConfig(checkout);
  const entries = createServiceRegistry(checkout.servicesFile).list();
  const { services: states } = await readStatus(checkout);
  const services = entries.map(({ name }) => name);
  const checkable = services.filter((name) => !platformParts.has(name));
  const chosen = choose(names, checkable, states);
  const parts = { checkout, config, services };
  const results = [];
  for (const { name, url } of entries.filter(({ name }) => chosen.includes(name))) {
    const checks = await checkService(parts, { name, url }, path);
    results.push({ service: name, url, checks });
    if (!isJson) print(...(results.length > 1 ? [""] : []), `${name}, ${url}`, checksTable(checks));
  }
  if (isJson) print(JSON.stringify(results, null, 2));
  return results.every(({ checks }) => checks.every(({ outcome }) => outcome !== "failed"));
}

/** @throws {Error} for a service that cannot be checked, or not now */
function choose(
  names: readonly string[],
  checkable: readonly string[],
  states: readonly ServiceStatus[],
): readonly string[] {
  const stateOf = (name: string) => states.find((each) => each.name === name)?.state ?? "stopped";
  const known = checkable.join(", ");
  for (const name of names) {
    if (platformParts.has(name)) {
      throw new Error(`${name} is a part of the platform itself; what can be checked: ${known}`);
    }
    if (!checkable.includes(name)) {
      const near = didYouMean(name, checkable);
      throw new Error(`There is no service "${name}" to check, there are: ${known}${near}`);
    }
    if (stateOf(name) !== "ready") {
      const hint = `"helm start ${name}" starts it, "helm logs ${name}" says what is wrong`;
      throw new Error(`Cannot check ${name}: it is ${stateOf(name)}; ${hint}`);
    }
  }
  if (names.length > 0) return names;
  const ready = checkable.filter((name) => stateOf(name) === "ready");
  const others = checkable.filter((name) => stateOf(name) !== "ready");
  if (ready.length === 0) {
    throw new Error('Cannot check anything: no service is ready, see "helm status"');
  }
  for (const name of others) process.stderr.write(`${name} is ${stateOf(name)}, so not checked.\n`);
  return ready;
}

const colours: Readonly<Record<Finding["outcome"], Colour>> = {
  ok: "green",
  failed: "red",
  "not tried": "dim",
};

/** Below what failed or was not tried: why, and what to do. */
export function checksTable(checks: readonly CheckResult[], isColoured?: boolean): string {
  const rows = checks.map(({ check, outcome, found, remedy }) => ({
    cells: [outcome, check, outcome === "ok" ? found : ""],
    colours: [colours[outcome]],
    ...(outcome !== "ok" && { note: remedy === undefined ? found : `${found}; ${remedy}` }),
  }));
  const count = (outcome: Finding["outcome"]) =>
    checks.filter((each) => each.outcome === outcome).length;
  const sum = `${count("ok")} ok, ${count("failed")} failed, ${count("not tried")} not tried.`;
  return `${formatTable(["result", "the service", "found"], rows, isColoured)}\n${sum}`;
}
